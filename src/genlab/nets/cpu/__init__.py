"""What is there only to be fast on a CPU: the same numbers as plain layers, in other ways, differentiable once.

`nets.layers` chooses between the two; nothing else imports this.
"""
