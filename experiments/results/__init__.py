"""The evidence: what runs left behind, kept in a folder and drawn: python -m experiments.results.

store.py    results/NAME/seedS: a run's config, machine, thinned metrics and evaluations
curves.py   learning curves of all experiments of an environment, over frames and over minutes
tables.py   everything as tables, with the commands that made it
"""
