"""Measurements of this project's speed and levels: `relational-rl benchmark`.

names        all of them by name
table        what they return
environment  Box-World's steps and levels a second, beside other environments
standin      the stand-in's steps a second
sc2_world    the compiled stand-in's steps a second, beside the stand-in's
training     frames a second of learning, acting and both
frameworks   the same network in PyTorch
ray_actors   actors on Ray, beside threads, and in slow games
profile      where the time of a training loop goes
"""
