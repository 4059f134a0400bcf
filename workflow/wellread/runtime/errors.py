"""The one exception a user may meet: it says what was expected, what was found, where, and what to edit."""


class Stopped(SystemExit):
    """The end of work that was asked to stop and has saved its state, from which the next run goes on."""


class InputError(Exception):
    """Bad input: a message of four lines, shown without a traceback."""

    def __init__(self, expected: str, found: str, where: str, edit: str):
        self.lines = lines = {"expected": expected, "found": found, "where": where, "edit": edit}
        self.all_lines = [lines]  # of several errors together: those of each
        super().__init__("\n".join(f"  {word:<9} {text}" for word, text in lines.items()))

    @classmethod
    def together(cls, errors: list["InputError"]) -> "InputError":
        """One error with the messages of all `errors`, so that a user mends them in one go."""
        return _again("\n\n".join(map(str, errors)), [lines for one in errors for lines in one.all_lines])

    def __reduce__(self):
        """So that worker processes can raise it, too."""
        return _again, (str(self), self.all_lines)


def _again(message: str, all_lines: list[dict[str, str]]) -> InputError:
    error = InputError.__new__(InputError)
    Exception.__init__(error, message)
    error.all_lines = all_lines
    if len(all_lines) == 1:
        (error.lines,) = all_lines
    return error
