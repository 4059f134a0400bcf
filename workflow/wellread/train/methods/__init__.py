"""The methods to train an encoder. Each is a class whose keyword-only arguments are a section of the config; it is made
of a backbone (the ViT), an `Augmentation` and, if the method uses them, `Labels`. It has:

`student`     the network that is trained by gradient: `backbone` and a head
`networks`    all networks, by name, as a checkpoint keeps them
`encoder`     the ViT that is kept in the end
`head`        what is kept beside it, one of `encoder.heads`, or None
`compares_cells`  whether losses compare cells with each other, so that it matters how a batch is divided
`schedules`   (lr, steps, steps per epoch) -> further schedules by name, arrays (steps,)
`draw`        (seed, cells, side) -> the random choices of a step: tensors in dicts and lists, one row per cell
`losses`      (crops, drawn, targets, scheduled) -> weighted losses by name, embeddings (n, dim), metrics by name; of
              some cells, what was drawn for them, their labels, and the values of the schedules at this step
`after_step`  (scheduled): called after each step of the optimiser
`finish`      (dataset, device, held): called after the last step; `held`: the validation set, if there is one
"""
