"""Teaching a network the exact solver's moves: what it can represent and learn at all.

lessons   states of Box-World with the moves that begin a shortest solution, as a source
imitate   a run with the cloning learner and these lessons
"""
