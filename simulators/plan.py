"""Who lives where, and what hangs on which wall: the spaces and things of 云栖社区 (Yunqi), from one seed.

Four houses (幢) of two entrances (单元), six floors, two flats to a floor. Beyond the demo's own things further houses are
built, flat after flat, until there are as many devices as asked for."""

from random import Random

from msgspec import Struct

from hub.model import Space

HOUSES, ENTRANCES, FLOORS, FLATS = 4, 2, 6, 2
METERED = ((2, 1), (3, 2), (5, 2))  # floor and flat of every entrance: 201, 302, 502
OWN_BAYS, SHARED_BAYS = 10, 10
CHARGING_BAYS = 3
SOLAR = {1: 18.0, 2: 24.0, 4: 12.0}  # kW peak on the roof of a house
WEARERS = ("王秀英", "李桂兰", "<b>张</b>建国", "陈淑珍", "刘玉梅", "杨德福", "赵春生", "黄美玲", "周国强", "吴凤英")
ROOMS = {"kitchen": ("厨房", "kitchen"), "bedroom": ("卧室", "bedroom"), "living": ("客厅", "living room")}


class Thing(Struct, frozen=True):
    """A device. ``id`` is what the hub calls it, ``voice`` the vendor format it speaks, ``kind`` what it measures,
    ``address`` what its topic calls it, ``interval`` the seconds between its messages."""

    id: str
    voice: str
    kind: str
    space: str
    name: str
    vendor: str
    model: str
    interval: float
    address: str
    registered: bool = True


class Plan:
    """Everything that stands still. ``devices`` asks for at least that many things."""

    def __init__(self, seed: int, devices: int = 0) -> None:
        self.spaces: list[Space] = []
        self.things: list[Thing] = []
        self._random = Random(f"{seed}/addresses")
        self._known: set[str] = set()
        self._space("yunqi", "community", "", "云栖社区", "Yunqi community")
        for house in range(1, HOUSES + 1):
            self._house(house)
        self._energy()
        self._parking()
        self._fire()
        self._care()
        self._strangers()
        self._grow(devices)

    # --- spaces -----------------------------------------------------------------------------------------------------

    def _space(self, id: str, kind: str, parent: str, name: str, name_en: str) -> str:
        if id not in self._known:
            self._known.add(id)
            self.spaces.append(Space(id=id, name=name, kind=kind, parent=parent, name_en=name_en))
        return id

    def _house(self, house: int) -> None:
        top = self._space(f"{house}", "building", "yunqi", f"{house}幢", f"Building {house}")
        self._space(f"{house}-roof", "roof", top, f"{house}幢 屋顶", f"Building {house}, roof")
        for entrance in range(1, ENTRANCES + 1):
            name_en = f"Building {house}, entrance {entrance}"
            self._space(f"{house}-{entrance}", "entrance", top, f"{house}幢{entrance}单元", name_en)

    def _flat(self, house: int, entrance: int, floor: int, flat: int, room: str = "") -> str:
        number = f"{floor}{flat:02d}"
        zh, en = f"{house}幢{entrance}单元", f"Building {house}, entrance {entrance}"
        stem = f"{house}-{entrance}"
        level = self._space(f"{stem}-{floor}f", "floor", stem, f"{zh}{floor}层", f"{en}, floor {floor}")
        home = self._space(f"{stem}-{number}", "flat", level, f"{zh}{number}", f"{en}, flat {number}")
        if not room:
            return home
        room_zh, room_en = ROOMS[room]
        return self._space(f"{home}-{room}", "room", home, f"{zh}{number} {room_zh}", f"{en}, flat {number}, {room_en}")

    def _name(self, space: str) -> str:
        return next(known.name for known in self.spaces if known.id == space)

    # --- things -----------------------------------------------------------------------------------------------------

    def _hex(self, digits: int) -> str:
        return f"{self._random.getrandbits(digits * 4):0{digits}x}"

    def _add(self, voice: str, kind: str, space: str, what: str, maker: tuple[str, str], interval: float, **more: str) -> None:
        match voice:
            case "tasmota":
                address = more.get("address", f"{kind}-{space}")
                id = f"tasmota:{address}"
            case "shelly":
                address = f"{more['product']}-{self._hex(12)}"
                id = f"shelly:{address}"
            case "zigbee2mqtt":
                address = more.get("address", f"{kind}_{space}")
                id = f"zigbee:0x{more['oui']}{self._hex(16 - len(more['oui']))}"
            case "chirpstack":
                address = more["oui"] + self._hex(16 - len(more["oui"]))
                id = f"lora:{address}"
            case "theengs":
                address = more["oui"] + self._hex(6)
                id = f"ble:{address}"
            case _:
                address = f"{self._random.randrange(10**7, 10**8)}"
                id = f"wmbus:{address}"
        vendor, model = maker
        registered = "stranger" not in more
        self.things.append(Thing(id, voice, kind, space, what, vendor, model, interval, address, registered))

    def _homes(self) -> list[tuple[int, int, int, int]]:
        return [(h, e, f, n) for h in range(1, HOUSES + 1) for e in range(1, ENTRANCES + 1) for f, n in METERED]

    def _energy(self) -> None:
        for house in range(1, HOUSES + 1):
            self._add("shelly", "main", f"{house}", f"{house}幢 总表", ("Shelly", "SPEM-003CEBEU"), 10, product="shellypro3em")
            if house in SOLAR:
                what = f"{house}幢 屋顶光伏"
                self._add("shelly", "pv", f"{house}-roof", what, ("Shelly", "SPEM-003CEBEU"), 10, product="shellypro3em")
        for home in self._homes():
            flat = self._flat(*home)
            self._add("tasmota", "meter", flat, f"{self._name(flat)} 电表", ("Tasmota", "PZEM-004T"), 8)
        for house in (1, 3):
            self._add("tasmota", "stairs", f"{house}", f"{house}幢 公共用电", ("Tasmota", "SDM630"), 6)
        for home in self._homes()[1::5]:
            space = self._flat(*home, room="kitchen")
            maker = ("Tuya", "TS011F_plug_1")
            self._add("zigbee2mqtt", "plug", space, f"{self._name(space)} 冰箱插座", maker, 10, oui="a4c138")
        for index, home in enumerate(self._homes()[::4]):
            space = self._flat(*home)
            kind, zh = ("gas", "燃气表") if index % 3 == 2 else ("water", "水表")
            maker = ("Diehl", "aerius") if kind == "gas" else ("Kamstrup", "multical21")
            self._add("wmbusmeters", kind, space, f"{self._name(space)} {zh}", maker, 30)

    def _parking(self) -> None:
        garage = self._space("garage", "parking", "yunqi", "地下车库", "Underground garage")
        ground = self._space("parking-ground", "parking", "yunqi", "地面停车场", "Ground car park")
        for bay in range(OWN_BAYS + SHARED_BAYS):
            own = bay < OWN_BAYS
            area, zh, en = (garage, "地下车库", "Underground garage") if own else (ground, "地面停车场", "Ground car park")
            label = f"B{bay + 1:02d}" if own else f"A{bay - OWN_BAYS + 1:02d}"
            space = self._space(f"bay-{label.lower()}", "bay", area, f"{zh} {label} 车位", f"{en}, bay {label}")
            self._add("chirpstack", "bay", space, f"{label} 车位", ("Bosch", "TPS110"), 60, oui="c0c9e3")
            if bay < CHARGING_BAYS:
                self._add("shelly", "charger", space, f"{label} 充电桩", ("Shelly", "SNSW-001P16EU"), 8, product="shellyplus1pm")

    def _fire(self) -> None:
        for home in self._homes():
            space = self._flat(*home, room="kitchen")
            if home[2:] != (2, 1):
                maker = ("Develco", "SMSZB-120")
                self._add("zigbee2mqtt", "smoke", space, f"{self._name(space)} 烟感", maker, 40, oui="0015bc00")
            elif home[0] < 4 and home[1] == 1:
                self._add("zigbee2mqtt", "co", space, f"{self._name(space)} 一氧化碳", ("Heiman", "HS1CA-E"), 45, oui="00124b00")
        for house in range(1, HOUSES + 1):
            for entrance in range(1, ENTRANCES + 1):
                if (house, entrance) not in ((2, 2), (4, 2)):
                    zh, en = f"{house}幢{entrance}单元 楼梯间", f"Building {house}, entrance {entrance}, staircase"
                    parent = f"{house}-{entrance}"
                    space = self._space(f"{parent}-stairs", "stairs", parent, zh, en)
                    self._add("chirpstack", "stairsmoke", space, f"{zh} 烟感", ("Yobiiq", "SD-1001"), 50, oui="8df95720")
            top = f"{house}"
            door = self._space(f"{house}-door", "room", top, f"{house}幢 防火门", f"Building {house}, fire door")
            self._add("zigbee2mqtt", "contact", door, f"{house}幢 防火门", ("SONOFF", "SNZB-04"), 60, oui="00124b00")

    def _care(self) -> None:
        homes = self._homes()[1::2]
        for index, person in enumerate(WEARERS):
            space = self._flat(*homes[index % len(homes)])
            self._add("theengs", "band", space, f"{person} 手环", ("Xiaomi/Amazfit", "MB/SW"), 12, oui="c81f5e")
            if index % 3 == 0:
                room = self._flat(*homes[index % len(homes)], room="bedroom")
                maker = ("Tuya", "TS0215A_sos")
                self._add("zigbee2mqtt", "sos", room, f"{person} 紧急按钮", maker, 60, oui="a4c138")
            if index in (1, 4):
                room = self._flat(*homes[index % len(homes)], room="living")
                maker = ("MultIR", "MIR-HE200-TY")
                self._add("zigbee2mqtt", "radar", room, f"{person} 跌倒雷达", maker, 15, oui="a4c138")
            if index in (0, 2, 5):
                room = self._flat(*homes[index % len(homes)], room="living")
                maker = ("SONOFF", "SNZB-02")
                self._add("zigbee2mqtt", "climate", room, f"{self._name(room)} 温湿度", maker, 30, oui="00124b00")

    def _strangers(self) -> None:
        """Three that nobody has registered: they wait for a click."""
        door = {"address": "新装门磁", "oui": "00124b00", "stranger": "yes"}
        self._add("tasmota", "meter", "1-1-101", "", ("", ""), 8, address="tasmota_5D3A10", stranger="yes")
        self._add("zigbee2mqtt", "contact", "2-door", "", ("SONOFF", "SNZB-04"), 45, **door)
        self._add("theengs", "band", "4", "", ("Xiaomi/Amazfit", "MB/SW"), 15, oui="c81f5e", stranger="yes")

    def _grow(self, devices: int) -> None:
        house = HOUSES
        while len(self.things) < devices:
            house += 1
            self._house(house)
            homes = [(e, f, n) for e in range(1, ENTRANCES + 1) for f in range(1, FLOORS + 1) for n in range(1, FLATS + 1)]
            for home in homes:
                flat, kitchen = self._flat(house, *home), self._flat(house, *home, room="kitchen")
                self._add("tasmota", "meter", flat, f"{house}幢 {flat} 电表", ("Tasmota", "PZEM-004T"), 10)
                self._add("zigbee2mqtt", "smoke", kitchen, f"{house}幢 {flat} 烟感", ("Develco", "SMSZB-120"), 60, oui="0015bc00")
                self._add("theengs", "band", flat, f"{house}幢 {flat} 手环", ("Xiaomi/Amazfit", "MB/SW"), 30, oui="c81f5e")
                if len(self.things) >= devices:
                    return
