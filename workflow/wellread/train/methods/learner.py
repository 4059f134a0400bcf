"""What methods share that train one network by gradient; see `methods` for what each attribute is."""


class Learner:
    """A method with one network, `student`, whose backbone is kept; no schedules of its own, nothing after a step."""

    student = None
    head = None
    compares_cells = False

    @property
    def networks(self):
        return {"student": self.student}

    @property
    def encoder(self):
        return self.student.backbone

    def schedules(self, _lr, _steps, _epoch):
        return {}

    def after_step(self, _scheduled):
        pass

    def finish(self, _dataset, _device):
        pass
