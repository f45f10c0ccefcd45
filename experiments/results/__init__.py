"""The evidence: what runs left behind, kept in a folder and drawn: `relational-rl results`.

store     results/NAME/seedS: a run's config, machine, thinned metrics and evaluations
kept      a run and an experiment as they are kept, and whose network it is
thinning  metrics in few rows
curves    learning curves of all experiments of an environment, over frames and over minutes
tables    everything as tables, with the commands that made it
draw      the page and the figures
"""
