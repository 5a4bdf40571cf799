"""The decoders of LoRaWAN devices by name, and the device profile names that speak for themselves. Not an adapter itself.

A new decoder: a file ``adapters/lora_*.py`` whose header is the protocol document, a line in DECODERS, and, where people name
the model in the profile, a line in PROFILES (glob without regard to case; the first that fits counts, so the narrow ones
stand first). Its captures: ``tests/captures/chirpstack.jsonl``.
"""

from adapters import (
    lora_abeeway,
    lora_bosch_tps110,
    lora_cayenne,
    lora_elsys,
    lora_milesight,
    lora_milesight_gs524n,
    lora_netvox,
    lora_nwave,
    lora_yobiiq_em,
    lora_yobiiq_sd1001,
)
from adapters.lora_frame import Decoder

DECODERS: dict[str, Decoder] = {
    "abeeway": lora_abeeway.decode,
    "bosch-tps110": lora_bosch_tps110.decode,
    "cayenne-lpp": lora_cayenne.decode,
    "elsys": lora_elsys.decode,
    **lora_milesight.DECODERS,
    "milesight-gs524n": lora_milesight_gs524n.decode,
    "netvox": lora_netvox.decode,
    "nwave-nps": lora_nwave.decode,
    "nwave-nps310": lora_nwave.decode_nps310,
    "nwave-ncc": lora_nwave.decode_ncc,
    "pni-placepod": lora_cayenne.decode_placepod,
    "yobiiq-em2101": lora_yobiiq_em.decode_em2101,
    "yobiiq-em4301": lora_yobiiq_em.decode_em4301,
    "yobiiq-sd1001": lora_yobiiq_sd1001.decode,
}

PROFILES = (
    ("*tps110*", "bosch-tps110"),
    ("*bosch*parking*", "bosch-tps110"),
    ("*nps310*", "nwave-nps310"),
    ("*nps405*", "nwave-nps"),
    ("*g4*nps*", "nwave-nps"),
    ("*ncc405*", "nwave-ncc"),
    ("*g4*ncc*", "nwave-ncc"),
    ("*placepod*", "pni-placepod"),
    ("*sd1001*", "yobiiq-sd1001"),
    ("*sd-1001*", "yobiiq-sd1001"),
    ("*em2101*", "yobiiq-em2101"),
    ("*em4301*", "yobiiq-em4301"),
    ("*abeeway*", "abeeway"),
    ("*netvox*", "netvox"),
    ("*elsys*", "elsys"),
    ("*milesight*ct10[1-5x]*", "milesight-ct10x"),
    ("*milesight*ct3[01][035x]*", "milesight-ct3xx"),
    ("*milesight*ws101*sos*", "milesight-ws101-sos"),
    ("*milesight*ws101*", "milesight-ws101"),
    ("*milesight*ws1[35]6*", "milesight-ws101"),
    ("*milesight*ws5[12]*", "milesight-ws51x"),
    ("*milesight*gs524n*", "milesight-gs524n"),
    ("*milesight*gs101*", "milesight-gs101"),
    ("*milesight*gs301*", "milesight-gs301"),
    ("*milesight*am103*", "milesight-am103"),
    ("*milesight*am1[0-9][0-9]*", "milesight-am100"),
    ("*milesight*am307*", "milesight-am307"),
    ("*milesight*am308*", "milesight-am308"),
    ("*milesight*am3[0-9][0-9]*", "milesight-am300"),
    ("*milesight*em3[02]0-th*", "milesight-th"),
    ("*milesight*em300-[szm]ld*", "milesight-em300-leak"),
    ("*milesight*em300-mcs*", "milesight-em300-mcs"),
    ("*milesight*em300-di*", "milesight-th"),
    ("*milesight*em4[01]0*", "milesight-em400"),
    ("*milesight*em500-co2*", "milesight-em500-co2"),
    ("*milesight*em500-lgt*", "milesight-em500-lgt"),
    ("*milesight*em500-pt100*", "milesight-probe"),
    ("*milesight*ts[123]0[12]*", "milesight-probe"),
    ("*milesight*at101*", "milesight-at101"),
    ("*milesight*wt201*", "milesight-wt201"),
    ("*milesight*ws301*", "milesight-ws301"),
    ("*milesight*ws202*", "milesight-ws202"),
    ("*milesight*ws303*", "milesight-ws303"),
    ("*milesight*", "milesight"),
)
