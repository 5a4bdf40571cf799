"""Checksums against the check values of the catalogue of parametrised CRC algorithms (of the text "123456789")."""

from adapters.checksums import arc, kermit, x25

NINE = b"123456789"


def test_the_catalogues_check_values() -> None:
    assert arc(NINE) == 0xBB3D
    assert x25(NINE) == 0x906E
    assert kermit(NINE) == 0x2189


def test_an_even_number_of_bytes() -> None:
    """The definition, bit by bit, beside the two bytes at a time."""
    crc = arc(b"\x01")
    assert crc == 0xC0C1
    for _ in range(8):  # the bits of a zero byte, one by one
        crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    assert arc(b"\x01\x00") == crc


def test_nothing_has_its_own_checksum() -> None:
    assert (arc(b""), x25(b""), kermit(b"")) == (0, 0, 0)


def test_one_bit_is_another_checksum() -> None:
    for checksum in (arc, x25, kermit):
        assert len({checksum(bytes([1 << bit])) for bit in range(8)}) == 8
