"""A model without weights, given to sie-server as anybody's own adapter is: its answers can be told from the text."""

from typing import Any

import numpy as np
from sie_server.adapters._base_adapter import BaseAdapter
from sie_server.adapters._spec import AdapterSpec
from sie_server.core.inference_output import EncodeOutput, ExtractOutput, ScoreOutput, SparseVector
from sie_server.types.inputs import Item


class WordCounts(BaseAdapter):
    """Encodes a text by the lengths of its words, scores by the words in common, and extracts the labels found."""

    spec = AdapterSpec(
        inputs=("text",),
        outputs=("dense", "sparse", "multivector", "score", "json"),
        dense_dim=4,
        sparse_dim=64,
        multivector_dim=2,
    )

    def __init__(self, model_name_or_path: str | None = None, **_: Any) -> None:
        self._model_name_or_path = model_name_or_path
        self._model = None

    def load(self, device: str) -> None:
        self._device = device
        self._model = str.split

    def memory_footprint(self) -> int:
        return 4096

    def encode(
        self,
        items: list[Item],
        output_types: list[str],
        *,
        instruction: str | None = None,
        is_query: bool = False,
        prepared_items: list[Any] | None = None,
        options: dict[str, Any] | None = None,
    ) -> EncodeOutput:
        self._check_loaded()
        words = [self._model(item.text or "") for item in items]
        return EncodeOutput(
            dense=np.array([dense(each, instruction, is_query) for each in words], dtype=np.float32)
            if "dense" in output_types
            else None,
            sparse=[sparse(each) for each in words] if "sparse" in output_types else None,
            multivector=[multivector(each) for each in words] if "multivector" in output_types else None,
            batch_size=len(items),
            is_query=is_query,
        )

    def score_pairs(
        self,
        queries: list[Item],
        docs: list[Item],
        *,
        instruction: str | None = None,
        options: dict[str, Any] | None = None,
    ) -> ScoreOutput:
        self._check_loaded()
        common = [
            len(set(self._model(query.text or "")) & set(self._model(doc.text or "")))
            for query, doc in zip(queries, docs, strict=True)
        ]
        return ScoreOutput(scores=np.array(common, dtype=np.float32))

    def extract(
        self,
        items: list[Item],
        *,
        labels: list[str] | None = None,
        output_schema: dict[str, Any] | None = None,
        instruction: str | None = None,
        options: dict[str, Any] | None = None,
        prepared_items: list[Any] | None = None,
    ) -> ExtractOutput:
        self._check_loaded()
        return ExtractOutput(entities=[entities(item.text or "", labels or []) for item in items])


def dense(words: list[str], instruction: str | None, is_query: bool) -> list[int]:
    return [sum(map(len, words)), len(words), len(instruction or ""), int(is_query)]


def sparse(words: list[str]) -> SparseVector:
    lengths, counts = np.unique(np.array([len(word) for word in words], dtype=np.int32), return_counts=True)
    return SparseVector(indices=lengths.astype(np.int32), values=counts.astype(np.float32))


def multivector(words: list[str]) -> np.ndarray:
    return np.array([[place, len(word)] for place, word in enumerate(words)], dtype=np.float32).reshape(-1, 2)


def entities(text: str, labels: list[str]) -> list[dict[str, Any]]:
    return [
        {"text": label, "label": label, "score": 1.0, "start": text.index(label), "end": text.index(label) + len(label)}
        for label in labels
        if label in text
    ]
