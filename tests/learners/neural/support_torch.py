"""torch's own optimizers, set up as a learner's options say."""

import torch


def torch_optimizer(learner, parameters):
    """torch.optim's SGD, Adam or AdamW on these parameters, tensor by tensor."""
    common = {"lr": learner.learning_rate, "weight_decay": learner.weight_decay, "foreach": False}
    if learner.optimizer == "sgd":
        return torch.optim.SGD(parameters, momentum=learner.momentum, **common)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[learner.optimizer]
    return kind(parameters, betas=(learner.beta1, learner.beta2), eps=learner.epsilon, **common)
