"""The ways to train an encoder. Each is a class whose options are a section of the config:

`student`     the network that learns by gradient: a `backbone`, the ViT, and a head
`parts`       all networks, by name, as a checkpoint keeps them
`encoder`     the ViT that is kept in the end
`schedules`   what else moves from step to step, one array each
`draw`        the random choices of a step, a tree of tensors with one row per cell
`losses`      losses by name, embeddings, and facts worth logging, of some cells and their draws
`follow`      what happens after a step of the optimiser
"""
