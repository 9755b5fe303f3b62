// SPDX-License-Identifier: GPL-2.0-only
/* Drop reasons from BTF: see drop_reason.h. */
#include "user/drop_reason.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "SKB_DROP_REASON_"

struct drop_reasons {
	struct btf *btf; /* owns the names */
	const struct btf_type *type;
};

int drop_reasons_load(struct drop_reasons **out)
{
	struct drop_reasons *d = calloc(1, sizeof(*d));
	libbpf_print_fn_t print;
	int id;

	if (!d)
		return -ENOMEM;
	/* A kernel without BTF is the loader's to speak of. */
	print = libbpf_set_print(NULL);
	d->btf = btf__load_vmlinux_btf();
	libbpf_set_print(print);
	id = d->btf ? btf__find_by_name_kind(d->btf, "skb_drop_reason", BTF_KIND_ENUM) : -1;
	if (id > 0)
		d->type = btf__type_by_id(d->btf, id);
	*out = d;
	return 0;
}

void drop_reasons_free(struct drop_reasons *d)
{
	if (!d)
		return;
	btf__free(d->btf);
	free(d);
}

const char *drop_reason_name(const struct drop_reasons *d, uint32_t reason)
{
	const struct btf_enum *e = d && d->type ? btf_enum(d->type) : NULL;

	if (d && d->btf && !d->type && !reason) /* a kernel before 5.17 */
		return "NOT_SPECIFIED";
	for (int i = 0; e && i < btf_vlen(d->type); i++) {
		const char *name = btf__name_by_offset(d->btf, e[i].name_off);

		if ((uint32_t)e[i].val == reason && name)
			return strncmp(name, PREFIX, strlen(PREFIX)) ? name : name + strlen(PREFIX);
	}
	return NULL;
}
