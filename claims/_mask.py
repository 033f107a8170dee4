"""Wrong forms of what dropout adds, for the controls of its claims."""

import functools

__all__ = ["with_variance"]


def with_variance(form, variance):
    """A form whose lambda is another function of the rate."""

    @functools.wraps(form)
    def wrong(*, rate, **others):
        # The rate at which the mask has that variance.
        return form(rate=variance(rate) / (1 + variance(rate)), **others)

    return wrong
