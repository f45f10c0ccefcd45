"""Playing whole episodes with an agent: every level exactly as often as asked.

levels  environments whose episodes can be chosen by number
player  many episodes at a time, each with random numbers of its own
record  one episode with everything that the agent computed
"""
