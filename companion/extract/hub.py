"""Loading pretrained models, with an error that says what is missing."""


class MissingExtra(ImportError):  # noqa: N818 - the name says what it is
    """The optional part of the package is not installed."""


def pretrained(kind: str, model: str):
    """Return `transformers.<kind>.from_pretrained(model)`.

    Raises:
        MissingExtra: `transformers` is not installed.
        OSError: no such model, or no network to fetch it.
    """
    try:
        import transformers
    except ImportError as error:
        raise MissingExtra(
            "feature extraction needs the package transformers: pip install -e '.[extract]'"
        ) from error
    return getattr(transformers, kind).from_pretrained(model)
