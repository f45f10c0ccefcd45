"""What a trained relational agent attends to, as pictures, as a page to explore and as numbers.

scene.py     the objects of a Box-World observation
episode.py   plays an episode and keeps the attention weights
arrows.py    from attention weights to arrows between objects
figure.py    draws a step, as Zambaldi et al. 2018 do
summary.py   mean attention by kinds of object, with the share that chance would give
page.py      a page to explore an episode
game*.py     the same for any other game, beside its own pictures
measuring/   what each head tells apart over many levels, and what the agent needs
screen*.py   the same for a StarCraft II mini-game, whose entities are the cells of a map
"""
