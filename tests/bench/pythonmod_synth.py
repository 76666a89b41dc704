# SPDX-License-Identifier: BSD-3-Clause
"""The address names of the benchmark's sitebound.yaml as a script of Unbound's python module, for comparison with
synth: dashed and dotted IPv4, one zone, an allow list and the addresses that are denied without being told. It leaves
out what the questions of the benchmark do not need (IPv6, negative answers with their SOA), in its favour."""
# pylint: disable=undefined-variable,unused-argument,invalid-name
# ruff: noqa: F821

ZONE = ".ip.example.com."
TTL = 86400
# network and mask, as numbers: the ipaddress module would take twice as long
ALLOW = [(0x0a000000, 0xff000000)]
DENY = [(0x00000000, 0xff000000), (0x7f000000, 0xff000000), (0xa9fe0000, 0xffff0000),
        (0xe0000000, 0xf0000000), (0xf0000000, 0xf0000000)]


def init_standard(id, env):
    return True


def deinit(id):
    return True


def inform_super(id, qstate, superqstate, qdata):
    return True


def is_in(blocks, value):
    for network, mask in blocks:
        if value & mask == network:
            return True
    return False


def address_of(qname):
    """The address that a name spells, as text, or None."""
    if not qname.lower().endswith(ZONE):
        return None
    name = qname[:-len(ZONE)]
    octets = name.split("-" if "-" in name else ".")
    if len(octets) != 4:
        return None
    value = 0
    for octet in octets:
        if not octet.isdigit() or (octet[0] == "0" and octet != "0"):
            return None
        number = int(octet)
        if number > 255:
            return None
        value = value << 8 | number
    if is_in(DENY, value) or not is_in(ALLOW, value):
        return None
    return ".".join(octets)


def operate(id, event, qstate, qdata):
    if event in (MODULE_EVENT_NEW, MODULE_EVENT_PASS):
        qinfo = qstate.qinfo
        if qinfo.qtype == RR_TYPE_A and qinfo.qclass == RR_CLASS_IN:
            address = address_of(qinfo.qname_str)
            if address is not None:
                msg = DNSMessage(qinfo.qname_str, RR_TYPE_A, RR_CLASS_IN, PKT_QR | PKT_RA | PKT_AA)
                msg.answer.append("%s %d IN A %s" % (qinfo.qname_str, TTL, address))
                if not msg.set_return_msg(qstate):
                    qstate.ext_state[id] = MODULE_ERROR
                    return True
                # insecure: the validator has no say in it
                qstate.return_msg.rep.security = 3
                qstate.return_rcode = RCODE_NOERROR
                qstate.ext_state[id] = MODULE_FINISHED
                return True
        qstate.ext_state[id] = MODULE_WAIT_MODULE
    else:
        qstate.ext_state[id] = MODULE_FINISHED
    return True
