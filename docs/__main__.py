"""Write docs/providers/: the table, and a page for each provider. What is there and no longer made goes."""

from __future__ import annotations

from docs.pages import FOLDER, pages


def main() -> None:
    """Write what has to be there, remove what has not."""
    FOLDER.mkdir(exist_ok=True)
    wanted = pages()
    for path in FOLDER.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
