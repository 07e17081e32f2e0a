"""Reading a YAML file that people edit: what is wrong with it is said with file and line."""

from pathlib import Path
from typing import Any

import yaml


def read_yaml(path: str | Path) -> Any:
    """Return what a YAML file says.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is not UTF-8, not YAML, or has a key twice.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: run from the root of the repository")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}; "
            "save it as UTF-8 in your editor"
        ) from None
    try:
        loader = _Loader(text)
        tree = loader.get_single_node()
        _refuse_twice(tree, path)
        return None if tree is None else loader.construct_document(tree)
    except yaml.YAMLError as error:
        # Of a text it knows no name.
        told = str(error).replace('"<unicode string>"', str(path))
        raise ValueError(f"{path} is not valid YAML: {told}") from None


class _Loader(yaml.SafeLoader):
    """Says the place of what looks like a value and is none, such as the 31st of February."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Make a value of a node."""
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from None


def _refuse_twice(tree: yaml.Node | None, path: Path) -> None:
    """Refuse a key that is given twice: YAML forbids it, and its library takes the last.

    In the tree before anything is made of it, because a merge (`<<`) is then resolved: what stands
    beside the merge replaces what it brings, and is no repetition.
    """
    waiting: list[tuple[yaml.Node | None, str]] = [(tree, "")]
    seen: set[int] = set()
    while waiting:
        node, place = waiting.pop()
        # What an alias stands for is looked at once, where it stands first.
        if id(node) in seen or not isinstance(node, yaml.CollectionNode):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += reversed([(item, f"{place}{i}.") for i, item in enumerate(node.value)])
            continue
        lines: dict[str, int] = {}
        parts = []
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines:
                raise ValueError(
                    f"{path}, line {line}: {place}{name} is given twice, first in line "
                    f"{lines[name]}: remove one"
                )
            lines[name] = line
            parts.append((value, f"{place}{name}."))
        waiting += reversed(parts)
