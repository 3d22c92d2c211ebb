"""What a process that runs for long does before it begins."""

import gc

_OBJECTS = 20_000


def spare_the_collector() -> None:
    """Leave what was loaded out of every garbage collection, and collect less often.

    Modules and their classes stay until the end; looking through them again and again took one
    request's time in thirty.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS)
