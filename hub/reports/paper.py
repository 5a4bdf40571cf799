"""A page of paper: headings, tables, tiles and charts, in one font that has Chinese letters. What it sets is fpdf2's work."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from hub.reports import fonts
from hub.reports.words import Language, plain

INK, PALE, GREEN, LINE = (40, 44, 42), (110, 116, 113), (31, 95, 74), (208, 214, 210)
WIDE = 180.0
"""mm between the margins of A4."""
_ROW = 6.0
CLOSING = "。，、；：？！）》”%"


class Paper(FPDF):
    """Raises fonts.NoFont."""

    def __init__(self, language: Language, footer: str, made: datetime) -> None:
        super().__init__(format="A4")
        regular, bold = fonts.chinese(), fonts.chinese(bold=True)
        self.add_font("page", "", str(regular.path), collection_font_number=regular.number)
        self.add_font("page", "B", str(bold.path), collection_font_number=bold.number)
        self._letters = fonts.letters(regular) & fonts.letters(bold)
        self.language = language
        self._footer = footer
        self.set_margins(15, 16)
        self.c_margin = 0
        self.set_auto_page_break(True, 18)
        self.set_creation_date(made.astimezone(UTC))
        self.set_creator("Gengfu")
        self.set_producer("fpdf2")
        self.set_lang("zh-CN" if language == "zh" else "en")
        self.add_page()

    def footer(self) -> None:
        self.set_y(-13)
        self._ink(8, PALE)
        number = f"第 {self.page_no()} / {{nb}} 页" if self.language == "zh" else f"{self.page_no()} / {{nb}}"
        self.cell(WIDE - 30, 5, self.fit(self._footer, WIDE - 32))
        self.cell(30, 5, number, align="R")

    def said(self, text: str) -> str:
        """Text on one line; a letter the font lacks is named by its code, not shown as a box."""
        return "".join(char if ord(char) in self._letters else f"\\u{ord(char):04x}" for char in plain(text))

    def fit(self, text: str, wide: float) -> str:
        """Cut to the width, with an ellipsis."""
        text = self.said(text)
        if self.get_string_width(text) <= wide:
            return text
        while text and self.get_string_width(text + "…") > wide:
            text = text[:-1]
        return text + "…"

    def _ink(self, size: float, colour: tuple[int, int, int] = INK, bold: bool = False) -> None:
        self.set_font("page", "B" if bold else "", size)
        self.set_text_color(*colour)

    def cover(self, title: str, about: str, lines: Sequence[str]) -> None:
        self.set_fill_color(*GREEN)
        self.rect(0, 0, 210, 5, style="F")
        self.set_y(15)
        self._ink(11, GREEN, bold=True)
        self.cell(WIDE, 6, self.fit(about, WIDE), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._ink(22, INK, bold=True)
        self.cell(WIDE, 12, self.fit(title, WIDE), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._ink(9, PALE)
        for line in lines:
            self.cell(WIDE, 5, self.fit(line, WIDE), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(4)

    def tiles(self, tiles: Sequence[tuple[str, str, str]]) -> None:
        """A label, a figure and a remark each, four in a row."""
        wide, high, gap = (WIDE - 9) / 4, 19.0, 3.0
        for number, (label, figure, remark) in enumerate(tiles):
            column = number % 4
            if column == 0 and number:
                self.set_y(self.get_y() + high + gap)
            x, y = self.l_margin + column * (wide + gap), self.get_y()
            self.set_fill_color(243, 246, 244)
            self.rect(x, y, wide, high, style="F", round_corners=True, corner_radius=1.5)
            self._ink(7.5, PALE)
            self.text(x + 2.5, y + 4.6, self.fit(label, wide - 5))
            self._ink(13 if len(figure) <= 13 else 10.5 if len(figure) <= 17 else 8, GREEN, bold=True)
            self.text(x + 2.5, y + 11.2, self.fit(figure, wide - 5))
            self._ink(6.5, PALE)
            self.text(x + 2.5, y + 16.2, self.fit(remark, wide - 5))
        self.set_y(self.get_y() + high + 6)

    def heading(self, text: str, room: float = 36) -> None:
        if self.will_page_break(room):
            self.add_page()
        self._ink(12.5, GREEN, bold=True)
        self.cell(WIDE, 8, self.fit(text, WIDE), new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def legend(self, entries: Sequence[tuple[str, str]], unit: str) -> None:
        """Colour and meaning of a chart's marks."""
        x, y = self.l_margin, self.get_y()
        self._ink(7.5, PALE)
        for colour, text in entries:
            self.set_fill_color(*bytes.fromhex(colour[1:]))
            self.rect(x, y + 1.1, 3, 2.6, style="F")
            self.text(x + 4.2, y + 3.4, self.said(text))
            x += 9 + self.get_string_width(self.said(text))
        self.text(self.l_margin + WIDE - self.get_string_width(unit), y + 3.4, unit)
        self.set_y(y + 5)

    def chart(self, svg: bytes, high: float) -> None:
        if self.will_page_break(high):
            self.add_page()
        self.image(io.BytesIO(svg), x=self.l_margin, y=self.get_y(), w=WIDE, h=high)
        self.set_y(self.get_y() + high + 4)

    def grid(
        self, widths: Sequence[float], head: Sequence[str], rows: Sequence[Sequence[str]], last: bool = False, left: int = 1
    ) -> None:
        """A table; its first ``left`` columns are text, the others figures; ``last``: the last row is a sum. Its head is
        repeated on every page."""
        scale = WIDE / sum(widths)
        wide = [width * scale for width in widths]
        if self.will_page_break(_ROW * (min(len(rows), 3) + 1)):  # no head with a row or two at the foot of a page
            self.add_page()
        head = [text if text in ("kWh", "m³") else text[:1].upper() + text[1:] for text in head]
        self._row(wide, head, left, PALE, bold=True)
        self._rule()
        for number, row in enumerate(rows):
            if self.will_page_break(_ROW):
                self.add_page()
                self._row(wide, head, left, PALE, bold=True)
                self._rule()
            total = last and number == len(rows) - 1
            if total:
                self._rule()
            self._row(wide, row, left, INK, bold=total)
        self.ln(4)

    def _row(self, wide: Sequence[float], row: Sequence[str], left: int, colour: tuple[int, int, int], bold: bool) -> None:
        self._ink(8, colour, bold)
        for column, (width, text) in enumerate(zip(wide, row, strict=True)):
            self.cell(width, _ROW, self.fit(text, width - 2), align="L" if column < left else "R")
        self.ln(_ROW)

    def _rule(self) -> None:
        self.set_draw_color(*LINE)
        self.line(self.l_margin, self.get_y(), self.l_margin + WIDE, self.get_y())

    def _lines(self, text: str) -> str:
        """Chinese, broken into lines of which none begins with a mark that closes what stands before it (GB/T 15834)."""
        lines, line = [], ""
        for char in text:
            if line and self.get_string_width(line + char) > WIDE - 1:
                kept = len(line)
                while kept > 1 and (line + char)[kept] in CLOSING:
                    kept -= 1
                lines.append(line[:kept])
                line = line[kept:]
            line += char
        return "\n".join([*lines, line])

    def words(self, paragraphs: Sequence[str], size: float = 8.5) -> None:
        self._ink(size)
        for paragraph in paragraphs:
            text = self.said(paragraph)
            if self.language == "zh":
                text = self._lines(text)
            mode: Any = "CHAR" if self.language == "zh" else "WORD"
            self.multi_cell(WIDE, size * 0.52, text, wrapmode=mode, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            self.ln(1.2)
        self.ln(2)
