"""hibari's network and vocoder, told also how long each phoneme is.

Each phrase comes with about 0.3 s of true silence before and 0.45 s after it, whatever the
punctuation; those are left out before the vocoder, which is a quarter of its work for a sentence.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from hibari import Hibari, dsp
from hibari.g2p import G2P
from hibari.voices import ASSETS, DEFAULT, voice_path
from onnxruntime import InferenceSession

from vibevoice_pro.errors import BadVoice
from vibevoice_pro.models.ort import session, shrinking
from vibevoice_pro.models.phrases.sound import Part, Spoken, kept, silence

log = logging.getLogger(__name__)

_DURATIONS = b"/Clip_output_0"  # (phonemes,) float32, in steps of `_STEP` frames: whole numbers
_CLIPS = re.compile(rb"/Clip(?:_\d{1,4})?_output_0")
_OUTPUTS = ("lh", "theta", "ln", "lr", "phi", "f0")
_SPEED = np.ones(1, np.float32)
_STEP = 2
_SPEECH_LOG = -6.0  # loudest bin of a frame, natural log: silence lies near -9, speech above -4
_MARGIN = 4  # frames kept around speech: the width of the vocoder's window
_SOUND = 10 ** (-60 / 20)  # louder than this is sound; hibari's silence lies below -130 dB


class Speaker(Hibari):  # type: ignore[misc, unused-ignore]
    """hibari with the network of one voice, which tells the durations of the phonemes as well.

    Attributes:
        sess: the network.
        vocab: ids of the phonemes.
    """

    def __init__(self, network: InferenceSession, g2p: G2P) -> None:
        self.sess = network
        self._g2p = g2p
        self.vocab: dict[str, int] = json.loads((Path(ASSETS) / "vocab.json").read_text("utf-8"))


def front_ends(british: bool) -> tuple[G2P, G2P]:
    """What turns text into phonemes, American and British; the same twice if `british` is not set.

    The two share what does not depend on the accent, half of 80 MB.
    """
    american = G2P()
    american("Warm up, xylophonist.")  # loads all parts, also the rare ones
    if not british:
        return american, american
    other = G2P(british=True)
    other.tokenizer, other.tagger = american.tokenizer, american.tagger
    other("Warm up, xylophonist.")
    return american, other


def load(path: Path | None = None, g2p: G2P | None = None) -> Speaker:
    """A voice, its network with the durations of the phonemes as a further output.

    A protobuf message (an ONNX file is one) that is appended to another is merged into it, lists
    by joining them: so a few bytes with nothing but a graph with nothing but one output add it.
    Which of the graph's values has the durations is known for the voice in the wheel; in another
    voice's it may have another number, so that is tried out.

    Args:
        path: the network; None: that of the wheel.
        g2p: the front end of its accent; None: the American one.

    Raises:
        BadVoice: it is no network of hibari's.
    """
    path = path or Path(voice_path(DEFAULT))
    data = path.read_bytes()
    for name in [_DURATIONS, *sorted(set(_CLIPS.findall(data)) - {_DURATIONS})]:
        try:
            network = _session(data, name)
        except Exception as error:  # ONNX Runtime's own, and which one depends on what is wrong
            log.debug("%s: %s: %s", path, name.decode(), error)
            continue
        if _tells_durations(network):
            return Speaker(network, g2p or front_ends(british=False)[0])
    raise BadVoice(f"{path} is no network of hibari's, or does not tell how long its phonemes are")


def _session(data: bytes, durations: bytes) -> InferenceSession:
    """The network in `data`, with one more output."""
    output = _field(1, durations) + _field(2, _field(1, b"\x08\x01"))  # a float32 tensor
    return session(data + _field(7, _field(12, output)))


def _tells_durations(network: InferenceSession) -> bool:
    """Whether the outputs are those of hibari and, for each phoneme, how long it is."""
    *names, _ = (output.name for output in network.get_outputs())
    if tuple(names) != _OUTPUTS:
        return False
    ids = np.asarray([[0, *range(43, 63), 0]], np.int64)
    *_, pitch, durations = network.run(None, {"ids": ids, "speed": _SPEED})
    if np.shape(durations) != (ids.size,) or np.any(durations != np.round(durations)):
        return False
    return bool(np.sum(durations) * _STEP == np.shape(pitch)[-1])


def shrink(tts: Speaker) -> None:
    """Give back the memory that ONNX Runtime keeps from the longest phrases so far, 40 MB."""
    tts.sess.run(None, {"ids": np.zeros((1, 3), np.int64), "speed": _SPEED}, shrinking())


def _field(number: int, content: bytes) -> bytes:
    """A field of a protobuf message: number and wire type, length, content; below 16 and 128."""
    return bytes([number << 3 | 2, len(content)]) + content


def synthesize(
    tts: Speaker, ids: Sequence[int], speed: float, rng: np.random.Generator, part: Part
) -> Spoken:
    """Speak phoneme ids (without pads), and keep the sound of a part of them.

    All silence gives nothing.
    """
    inputs = {
        "ids": np.asarray([[0, *ids, 0]], np.int64), "speed": np.asarray([speed], np.float32)
    }  # fmt: skip
    *outputs, durations = tts.sess.run(None, inputs)
    spectrum = [output[0] for output in outputs]
    harmonic, _, noise, rest, _, pitch = spectrum  # (601, frames) each, pitch (frames,)
    loudest = np.maximum(noise.max(axis=0), rest.max(axis=0))
    loudest = np.maximum(loudest, np.where(pitch > 0, harmonic.max(axis=0), -np.inf))
    edges = np.cumsum(durations[:-1]).astype(np.int64) * _STEP  # (phonemes + 1,), in frames
    edges[0], edges[-1] = 0, len(pitch)  # next to a pad, the first and the last sound reach into it
    edges = edges[part.start : part.stop + 1]
    cut_start = part.start > 0 and not part.blend_start
    cut_stop = part.stop < len(ids) and not part.blend_stop
    if cut_start:
        edges[0] = _in_pause(loudest, int(edges[0]))
    if cut_stop:
        edges[-1] = _in_pause(loudest, int(edges[-1]))

    speech = edges[0] + np.flatnonzero(loudest[edges[0] : edges[-1]] > _SPEECH_LOG)
    if not speech.size:
        return Spoken(np.zeros(0, np.float32), np.zeros((len(edges) - 1, 2), np.int64))
    first = edges[0] if part.blend_start else speech[0]
    last = edges[-1] if part.blend_stop else speech[-1] + 1
    frames = slice(max(0, int(first) - _MARGIN), int(last) + _MARGIN)
    wave = dsp.synth(*(values[..., frames] for values in spectrum), rng)

    edges = (edges - frames.start) * dsp.HOP
    if cut_start:
        silence(wave, int(edges[0]))
    if cut_stop:
        silence(wave[::-1], len(wave) - int(edges[-1]))
    return kept(wave, edges, part, _SOUND)


def _in_pause(loudest: npt.NDArray[np.float32], edge: int) -> int:
    """The last silent frame before a word, of which the space begins at `edge`; else `edge`."""
    start = max(0, edge - 10)
    silent = np.flatnonzero(loudest[start : edge + 3] <= _SPEECH_LOG)
    return start + int(silent[-1]) if silent.size else edge
