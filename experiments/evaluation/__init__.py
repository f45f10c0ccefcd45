"""What agents achieve: solved shares, generalisation, scores of mini-games.

evaluate    plays levels and counts
report      the counts, as JSON and as text
generalise  the conditions that the published agents were tested on
mini_games  scores beside the game they were obtained on, and the published ones
statistics  shares and means with intervals
command     `relational-rl evaluate`
"""
