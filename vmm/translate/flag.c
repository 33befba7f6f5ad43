/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Where the guest's arithmetic flags are.
 *
 * An instruction that sets flags leaves them in the host's own, where the next one that wants them finds them.  Checks
 * of the software MMU overwrite those, so flags that still matter then are saved in struct cpu as they are
 * (FLAGS_IMAGE).
 */
#include "vmm/translate/t1.h"

#define IMAGE_AT offsetof(struct cpu, flags_source1)

bool t1_flags_spills(const struct t1_translation *t, uint32_t live)
{
	return t->host && !t->memory && live;
}

void t1_flags_spill(struct t1_translation *t, uint32_t live)
{
	if (t1_flags_spills(t, live)) {
		emit8(&t->e, 0x9c); /* pushfq */
		emit_rm(&t->e, 0x8f, 4, 0, rm_state(IMAGE_AT));
		if (!t->image)
			emit_store_immediate(&t->e, 4, rm_state(offsetof(struct cpu, flags_op)), FLAGS_IMAGE);
		t->memory = t->image = true;
	}
	t->host = false;
}

void t1_flags_set(struct t1_translation *t)
{
	t->host = true;
	t->memory = false;
}

void t1_flags_require(struct t1_translation *t)
{
	struct t1_site *site;

	if (t->host || t->image)
		return;
	site = t1_site_make(t);
	if (!site)
		return;
	site->insn = NULL;
	emit_op(&t->e, 0x83, 4, 7, rm_state(offsetof(struct cpu, flags_op)), 0, 1);
	emit8(&t->e, FLAGS_IMAGE);
	t1_stub(t, emit_jcc(&t->e, CC_NZ), T1_STUB_SITE, site);
	site->resume = emit_here(&t->e);
	t->image = true;
}

void t1_flags_fetch(struct t1_translation *t, uint32_t mask)
{
	if (t->host || !mask)
		return;
	t1_flags_require(t);
	if (mask == CPU_FLAG_CF) {
		emit_op(&t->e, 0x1ba, 4, 4, rm_state(IMAGE_AT), 0, 1); /* bt */
		emit8(&t->e, 0);
		return;
	}
	emit_rm(&t->e, 0xff, 4, 6, rm_state(IMAGE_AT)); /* push */
	emit8(&t->e, 0x9d);                             /* popfq */
	t->host = true;
}

unsigned t1_condition(struct t1_translation *t, unsigned cc)
{
	static const uint32_t masks[6] = { CPU_FLAG_OF, CPU_FLAG_CF, CPU_FLAG_ZF, CPU_FLAG_CF | CPU_FLAG_ZF,
		CPU_FLAG_SF, CPU_FLAG_PF };

	if (t->host)
		return cc;
	if (cc >> 1 >= 6) {
		t1_flags_fetch(t, CPU_FLAGS_ARITHMETIC);
		return cc;
	}
	t1_flags_require(t);
	emit_op(&t->e, 0xf7, 4, 0, rm_state(IMAGE_AT), 0, 4); /* test */
	emit32(&t->e, masks[cc >> 1]);
	return cc & 1 ? CC_Z : CC_NZ;
}
