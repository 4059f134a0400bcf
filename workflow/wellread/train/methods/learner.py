"""What methods have in common that train one network by gradient."""


class Learner:
    """One network, `student`, whose backbone is kept; no schedules but the loop's, nothing to do after a step."""

    student = None

    @property
    def parts(self):
        return {"student": self.student}

    @property
    def encoder(self):
        return self.student.backbone

    def schedules(self, _lr, _steps, _epoch):
        return {}

    def follow(self, _now):
        pass
