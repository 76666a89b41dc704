# SPDX-License-Identifier: BSD-3-Clause
"""Address names as a script of Unbound's python module, for comparison with synth: 10-1-2-3.ip.example.com A is
10.1.2.3. It does less than synth (IPv4, dashed, type A, one zone, one range), which is in its favour."""
# pylint: disable=undefined-variable,unused-argument,invalid-name
# ruff: noqa: F821

ZONE = ".ip.example.com."


def init_standard(id, env):
    return True


def deinit(id):
    return True


def inform_super(id, qstate, superqstate, qdata):
    return True


def address_of(qname):
    """The address that a name spells, or None."""
    if not qname.lower().endswith(ZONE):
        return None
    octets = qname[:-len(ZONE)].split("-")
    if len(octets) != 4 or octets[0] != "10":
        return None
    for octet in octets:
        if not octet.isdigit() or (octet[0] == "0" and octet != "0") or int(octet) > 255:
            return None
    return ".".join(octets)


def operate(id, event, qstate, qdata):
    if event in (MODULE_EVENT_NEW, MODULE_EVENT_PASS):
        qinfo = qstate.qinfo
        if qinfo.qtype == RR_TYPE_A and qinfo.qclass == RR_CLASS_IN:
            address = address_of(qinfo.qname_str)
            if address is not None:
                msg = DNSMessage(qinfo.qname_str, RR_TYPE_A, RR_CLASS_IN, PKT_QR | PKT_RA | PKT_AA)
                msg.answer.append("%s 300 IN A %s" % (qinfo.qname_str, address))
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
