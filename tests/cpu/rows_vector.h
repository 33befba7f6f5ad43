/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Rows of the classes that generate_vector.c makes, included by rows.c.  Vector instructions come from the engine's own
 * tables: how they are encoded is tested by what the host says to them.
 */
/* clang-format off */
	{ CLASS_SSE, 0, 0, 0, -1, FORM_MODRM, 0, 0, 0, "sse" },
	{ CLASS_VEX, 0, 0, 0, -1, FORM_MODRM, 0, 0, 0, "vex" },
	{ CLASS_EVEX, 0, 0, 0, -1, FORM_MODRM, 0, 0, 0, "evex" },
	{ CLASS_GATHER, 0, 0, 0, -1, FORM_MEMORY, 0, 0, 0, "gather" },

	{ CLASS_XSAVE, 1, 0xae, 0, 4, FORM_MEMORY, 0, SPECIAL_FXSAVE, 0, "xsave" },
	{ CLASS_XSAVE, 1, 0xae, 0, 6, FORM_MEMORY, 0, SPECIAL_FXSAVE, 0, "xsaveopt" },
	{ CLASS_XSAVE, 1, 0xc7, 0, 4, FORM_MEMORY, 0, SPECIAL_FXSAVE, 0, "xsavec" },
	{ CLASS_XSAVE, 1, 0xae, 0, 5, FORM_MEMORY, 0, SPECIAL_FXRSTOR, 0, "xrstor" },

	{ CLASS_SCALAR, 2, 0xf2, 0, -1, FORM_MODRM, 0, SPECIAL_VEX, AF | PF, "andn" },
	{ CLASS_SCALAR, 2, 0xf3, 0, 1, FORM_MODRM, 0, SPECIAL_VEX, AF | PF, "blsr" },
	{ CLASS_SCALAR, 2, 0xf3, 0, 2, FORM_MODRM, 0, SPECIAL_VEX, AF | PF, "blsmsk" },
	{ CLASS_SCALAR, 2, 0xf3, 0, 3, FORM_MODRM, 0, SPECIAL_VEX, AF | PF, "blsi" },
	{ CLASS_SCALAR, 2, 0xf5, 0, -1, FORM_MODRM, 0, SPECIAL_VEX, AF | PF, "bzhi" },
	{ CLASS_SCALAR, 2, 0xf5, 0xf3, -1, FORM_MODRM, 0, SPECIAL_VEX, 0, "pext" },
	{ CLASS_SCALAR, 2, 0xf5, 0xf2, -1, FORM_MODRM, 0, SPECIAL_VEX, 0, "pdep" },
	{ CLASS_SCALAR, 2, 0xf6, 0xf2, -1, FORM_MODRM, 0, SPECIAL_VEX, 0, "mulx" },
	{ CLASS_SCALAR, 2, 0xf7, 0, -1, FORM_MODRM, 0, SPECIAL_VEX, AF | PF | SF, "bextr" },
	{ CLASS_SCALAR, 2, 0xf7, 0x66, -1, FORM_MODRM, 0, SPECIAL_VEX, 0, "shlx" },
	{ CLASS_SCALAR, 2, 0xf7, 0xf3, -1, FORM_MODRM, 0, SPECIAL_VEX, 0, "sarx" },
	{ CLASS_SCALAR, 2, 0xf7, 0xf2, -1, FORM_MODRM, 0, SPECIAL_VEX, 0, "shrx" },
	{ CLASS_SCALAR, 3, 0xf0, 0xf2, -1, FORM_MODRM, IMM_8, SPECIAL_VEX, 0, "rorx" },
	{ CLASS_SCALAR, 2, 0xf0, 0, -1, FORM_MEMORY, 0, 0, 0, "movbe" },
	{ CLASS_SCALAR, 2, 0xf1, 0, -1, FORM_MEMORY, 0, 0, 0, "movbe" },
	{ CLASS_SCALAR, 2, 0xf0, 0xf2, -1, FORM_MODRM, 0, 0, 0, "crc32" },
	{ CLASS_SCALAR, 2, 0xf1, 0xf2, -1, FORM_MODRM, 0, 0, 0, "crc32" },
	{ CLASS_SCALAR, 2, 0xf6, 0x66, -1, FORM_MODRM, 0, SPECIAL_NO66, 0, "adcx" },
	{ CLASS_SCALAR, 2, 0xf6, 0xf3, -1, FORM_MODRM, 0, SPECIAL_NO66, 0, "adox" },
	{ CLASS_SCALAR, 1, 0xb8, 0xf3, -1, FORM_MODRM, 0, 0, 0, "popcnt" },
	{ CLASS_SCALAR, 1, 0xbc, 0xf3, -1, FORM_MODRM, 0, 0, OF | SF | AF | PF, "tzcnt" },
	{ CLASS_SCALAR, 1, 0xbd, 0xf3, -1, FORM_MODRM, 0, 0, OF | SF | AF | PF, "lzcnt" },
	{ CLASS_SCALAR, 1, 0xae, 0x66, 6, FORM_MEMORY, 0, SPECIAL_NO66, 0, "clwb" },
	{ CLASS_SCALAR, 1, 0xae, 0x66, 7, FORM_MEMORY, 0, SPECIAL_NO66, 0, "clflushopt" },
	/* clang-format on */
