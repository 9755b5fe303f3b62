// SPDX-License-Identifier: GPL-2.0-only
/* Taking out atomic operations: see atomics.h. */
#include "tracing/atomics.h"

#include <errno.h>
#include <gelf.h>
#include <linux/bpf.h>

static void elf_close(Elf **elf)
{
	if (*elf)
		elf_end(*elf);
}

static int code_clean(struct bpf_insn *insn, size_t count)
{
	int removed = 0;

	for (size_t i = 0; i < count; i++) {
		if (insn[i].code == (BPF_LD | BPF_DW | BPF_IMM)) {
			i++; /* the second half of it is data */
			continue;
		}
		if (BPF_CLASS(insn[i].code) != BPF_STX || BPF_MODE(insn[i].code) != BPF_ATOMIC || !(insn[i].imm & BPF_FETCH))
			continue;
		if (insn[i].imm == (BPF_ADD | BPF_FETCH)) /* newer compilers make it of additions whose result nobody uses */
			insn[i].imm = BPF_ADD;
		else
			insn[i] = (struct bpf_insn){ .code = BPF_JMP | BPF_JA };
		removed++;
	}
	return removed;
}

int atomics_remove(void *object, size_t size)
{
	__attribute__((cleanup(elf_close))) Elf *elf = NULL;
	Elf_Scn *section = NULL;
	int removed = 0;

	elf_version(EV_CURRENT);
	elf = elf_memory(object, size);
	if (!elf || elf_kind(elf) != ELF_K_ELF)
		return -EINVAL;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;

		if (!gelf_getshdr(section, &header) || header.sh_offset + header.sh_size < header.sh_offset)
			return -EINVAL;
		if (header.sh_type != SHT_PROGBITS || !(header.sh_flags & SHF_EXECINSTR))
			continue;
		if (header.sh_offset + header.sh_size > size)
			return -EINVAL;
		removed += code_clean((struct bpf_insn *)((char *)object + header.sh_offset), header.sh_size / sizeof(struct bpf_insn));
	}
	return removed;
}
