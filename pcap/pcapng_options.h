/* SPDX-License-Identifier: GPL-2.0-only */
/* Option codes of draft-ietf-opsawg-pcapng that the writer writes and the reader understands. */
#pragma once

#define PCAPNG_BYTE_ORDER 0x1A2B3C4Du

enum pcapng_option {
	OPT_END = 0,
	OPT_COMMENT = 1,
	SHB_HARDWARE = 2,
	SHB_OS = 3,
	SHB_USERAPPL = 4,
	IF_NAME = 2,
	IF_DESCRIPTION = 3,
	IF_MACADDR = 6,
	IF_SPEED = 8,
	IF_TSRESOL = 9,
	IF_FILTER = 11, /* first byte: 0 = libpcap expression */
	IF_OS = 12,
	IF_TSOFFSET = 14,
	EPB_FLAGS = 2,
	EPB_DROPCOUNT = 4,
	EPB_PACKETID = 5,
	EPB_QUEUE = 6,
	EPB_VERDICT = 7, /* one byte of enum pcapng_verdict minus one, then the value: 8 bytes for TC and XDP */
	ISB_STARTTIME = 2,
	ISB_ENDTIME = 3,
	ISB_IFRECV = 4,
	ISB_IFDROP = 5,
};
