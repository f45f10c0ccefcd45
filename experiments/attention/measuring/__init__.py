"""What each head attends to, and what the agent needs: `relational-rl attention measure`.

relations    what truly belongs together in a Box-World scene
states       scenes of many episodes, and what an agent computes of them
selectivity  how well a head tells what belongs together: AUC and top-1
needs        the share solved without a head, a block, the references
probes       what a linear reading finds in the entities, by depth
patching     which head brings the news that a colour has changed
measure      all of it, beside untrained agents
report       the page, the numbers and the figure
"""
