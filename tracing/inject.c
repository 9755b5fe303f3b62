// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replaces the body of a function in a BPF object file. The function is the last of .text: the section grows at its end, the symbol's size follows, and
 * everything else that speaks of places in it (calls, line numbers, types) stays true.
 */
#include "tracing/inject.h"

#include <assert.h>
#include <errno.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tracing/cleanup.h"

#define INSN_BYTES sizeof(struct bpf_insn)

struct object {
	Elf *elf;
	Elf_Scn *text, *symbols, *calls; /* .text, the symbol table, relocations of .text (NULL: none) */
	size_t text_index, strings_index;
};

struct function {
	int symbol; /* its place in the symbol table */
	GElf_Sym sym;
};

static void elf_close(Elf **elf)
{
	if (*elf)
		elf_end(*elf);
}

static int object_scan(struct object *o)
{
	size_t names;
	Elf_Scn *section = NULL;

	if (elf_getshdrstrndx(o->elf, &names))
		return -EINVAL;
	while ((section = elf_nextscn(o->elf, section))) {
		GElf_Shdr header;
		const char *name;

		if (!gelf_getshdr(section, &header))
			return -EINVAL;
		name = elf_strptr(o->elf, names, header.sh_name) ?: "";
		if (!strcmp(name, ".text")) {
			o->text = section;
			o->text_index = elf_ndxscn(section);
		} else if (!strcmp(name, ".rel.text")) {
			o->calls = section;
		} else if (header.sh_type == SHT_SYMTAB) {
			o->symbols = section;
			o->strings_index = header.sh_link;
		}
	}
	return o->text && o->symbols ? 0 : -EINVAL;
}

static int function_find(const struct object *o, const char *name, struct function *f)
{
	Elf_Data *data = elf_getdata(o->symbols, NULL);

	for (f->symbol = 0; gelf_getsym(data, f->symbol, &f->sym); f->symbol++) {
		const char *symbol = elf_strptr(o->elf, o->strings_index, f->sym.st_name);

		if (symbol && GELF_ST_TYPE(f->sym.st_info) == STT_FUNC && f->sym.st_shndx == o->text_index && !strcmp(symbol, name))
			return 0;
	}
	return -ENOENT;
}

/* Relocations of the old body would be applied to the new one. */
static int calls_remove(const struct object *o, uint64_t from, uint64_t to)
{
	Elf_Data *data = o->calls ? elf_getdata(o->calls, NULL) : NULL;
	size_t count = data ? data->d_size / gelf_fsize(o->elf, ELF_T_REL, 1, EV_CURRENT) : 0, kept = 0;
	GElf_Rel rel;

	for (size_t i = 0; i < count; i++) {
		if (!gelf_getrel(data, i, &rel))
			return -EINVAL;
		if (rel.r_offset >= from && rel.r_offset < to)
			continue;
		if (!gelf_update_rel(data, kept++, &rel))
			return -EINVAL;
	}
	if (kept == count)
		return 0;
	data->d_size = kept * gelf_fsize(o->elf, ELF_T_REL, 1, EV_CURRENT);
	elf_flagdata(data, ELF_C_SET, ELF_F_DIRTY);
	return 0;
}

/* The new .text, to free when the object has been written. */
static int text_replace(const struct object *o, const struct function *f, const struct function *callee, const struct injection *injection,
			uint8_t **text)
{
	Elf_Data *data = elf_getdata(o->text, NULL);
	size_t first = f->sym.st_value / INSN_BYTES;
	struct bpf_insn *body;

	if (!data || f->sym.st_value + f->sym.st_size != data->d_size)
		return -EINVAL;
	*text = malloc(f->sym.st_value + injection->count * INSN_BYTES);
	if (!*text)
		return -ENOMEM;
	memcpy(*text, data->d_buf, f->sym.st_value);
	body = (struct bpf_insn *)(*text + f->sym.st_value);
	memcpy(body, injection->code, injection->count * INSN_BYTES);
	for (size_t i = 0; i < injection->count; i++)
		if (body[i].code == (BPF_JMP | BPF_CALL) && body[i].src_reg == BPF_PSEUDO_CALL)
			body[i].imm = (int32_t)(callee->sym.st_value / INSN_BYTES) - (int32_t)(first + i) - 1;
	data->d_buf = *text;
	data->d_size = f->sym.st_value + injection->count * INSN_BYTES;
	elf_flagdata(data, ELF_C_SET, ELF_F_DIRTY);
	return 0;
}

static int body_replace(const struct object *o, const struct injection *injection, uint8_t **text)
{
	Elf_Data *symbols = elf_getdata(o->symbols, NULL);
	struct function f, callee;
	int err = function_find(o, injection->function, &f);

	err = err ?: function_find(o, injection->callee, &callee);
	err = err ?: text_replace(o, &f, &callee, injection, text);
	err = err ?: calls_remove(o, f.sym.st_value, f.sym.st_value + f.sym.st_size);
	if (err)
		return err;
	f.sym.st_size = injection->count * INSN_BYTES;
	if (!gelf_update_sym(symbols, f.symbol, &f.sym))
		return -EINVAL;
	elf_flagdata(symbols, ELF_C_SET, ELF_F_DIRTY);
	return 0;
}

static int file_write(int fd, const void *bytes, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = write(fd, (const char *)bytes + at, size - at);

		if (n < 0)
			return -errno;
		at += n;
	}
	return 0;
}

static int file_read(int fd, void **out, size_t *out_size)
{
	off_t size = lseek(fd, 0, SEEK_END);
	_cleanup_free_ void *bytes = size > 0 ? malloc(size) : NULL;

	if (size < 0)
		return -errno;
	if (!bytes)
		return -ENOMEM;
	if (pread(fd, bytes, size, 0) != size)
		return -EIO;
	*out = TAKE_PTR(bytes);
	*out_size = size;
	return 0;
}

int inject_function(const void *object, size_t size, const struct injection *injection, void **out, size_t *out_size)
{
	_cleanup_close_ int fd = memfd_create("bpf-object", MFD_CLOEXEC);
	__attribute__((cleanup(elf_close))) Elf *elf = NULL;
	_cleanup_free_ uint8_t *text = NULL;
	struct object o = {};
	int err;

	assert(object && injection && out && out_size);
	if (fd < 0)
		return -errno;
	err = file_write(fd, object, size);
	if (err)
		return err;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_RDWR, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF)
		return -EINVAL;
	o.elf = elf;
	err = object_scan(&o);
	err = err ?: body_replace(&o, injection, &text);
	if (err)
		return err;
	if (elf_update(elf, ELF_C_WRITE) < 0)
		return -EIO;
	return file_read(fd, out, out_size);
}
