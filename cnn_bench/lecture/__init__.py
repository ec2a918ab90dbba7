"""The lecture behind this project: its claims checked, its worked examples computed, its pictures drawn by our layers.

claims            every figure of the lecture and of the papers behind it, recomputed
x_and_o, four_patterns
                  the worked examples, number by number
given_filters     our layers with weights that are given instead of learnt, which the examples and pictures use
block_pictures    pictures of convolution, pooling and receptive fields
cost_tables       what networks and layers cost, as tables
cost_charts       those tables as charts

The notebooks 01 and 02 show the examples and pictures; `cnn-bench claims` prints the claims.
"""
