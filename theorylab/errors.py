"""Errors that callers tell apart."""


class MissingExtra(ImportError):
    """Something needs an optional dependency that is not installed."""

    def __init__(self, extra: str, needed_for: str):
        super().__init__(
            f"{needed_for} needs the extra `{extra}`: pip install 'theorylab[{extra}]'"
        )
        self.extra = extra


class UnknownName(LookupError):
    """A claim, a data matrix or a family that does not exist; the message suggests near ones."""
