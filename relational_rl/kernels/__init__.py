"""The relational network over packed entities: the same numbers as the modules, faster.

The modules of `relational_rl.nn` say what the network is; on sparse scenes they compute with
padding, and compilers make poor code of their short loops. This package computes the same forward
and backward pass over rows without padding: products of matrices by BLAS, everything between them
by compiled loops, the images of a batch shared out over threads. Where every cell is an entity
nothing is padded, and what is gained is attention that stays in the processor's caches.

    scenes           images -> packed rows
    parameters       the learned arrays in named fields, and the sizes
    stems            what entities are before they relate
    simd             vectors of numbers in registers
    attention        attention among the rows of each image
    references       kernels of the points of reference; reference_layer around them
    block            a relational block
    pointwise        what else is not a product of matrices
    network          the forward and the backward pass, without state
    workspace        memory of intermediate values
    saved            forward passes that wait for their backward pass
    forms            which modules have a packed implementation
    features         the network as a differentiable TensorFlow function of an agent's variables
"""
