"""Sample-rate conversion of a waveform that arrives in chunks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soxr

Waveform = npt.NDArray[np.float32]
"""Mono audio, shape (samples,), nominal range -1 to 1."""


class Resampler:
    """Resample chunks as if they were one waveform: state is kept, so no click and no drift.

    Over a whole stream `n` samples in give `round(n * rate_out / rate_in)` samples out.
    """

    def __init__(self, rate_in: int, rate_out: int) -> None:
        self._soxr = (
            None
            if rate_in == rate_out
            else soxr.ResampleStream(rate_in, rate_out, 1, dtype="float32", quality="HQ")
        )

    def __call__(self, chunk: Waveform, last: bool = False) -> Waveform:
        """Return what `chunk` (samples,) at the input rate adds at the output rate.

        The filter holds back a few milliseconds; `last=True` brings them out and ends the stream.
        """
        if self._soxr is None:
            return chunk
        return np.asarray(self._soxr.resample_chunk(chunk, last=last), dtype=np.float32)
