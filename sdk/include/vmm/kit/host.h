/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Device kit: what every init says to its host.
 *
 * The kit is a static library; it has no state of its own and calls nothing but the tables it is given.
 */
#ifndef VMM_KIT_HOST_H
#define VMM_KIT_HOST_H

#include <vmm/host.h>

/* A service that the device cannot do without; says so through host->fail and returns NULL if there is none. */
const void *vmm_kit_service(const struct vmm_host *host, const char *id);

/* host->fail with a formatted cause; returns `status`, for `return vmm_kit_fail(...)`. */
int32_t vmm_kit_fail(const struct vmm_host *host, int32_t status, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* host->log with a formatted text (up to 255 characters). */
void vmm_kit_log(const struct vmm_host *host, uint32_t level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Integer and yes/no settings; `fallback` if unset. */
int64_t vmm_kit_int(const struct vmm_host *host, const char *key, int64_t fallback);
uint32_t vmm_kit_bool(const struct vmm_host *host, const char *key, uint32_t fallback);
/* Position of a choice; 0 if unset. */
uint32_t vmm_kit_choice(const struct vmm_host *host, const char *key);
/* A text setting; "" if unset.  Returns its length, or a negative errno (-ENOENT: unset). */
int32_t vmm_kit_string(const struct vmm_host *host, const char *key, char *text, uint32_t size);

/* (value * multiplier) / divisor without overflow in between; rounds down. */
static inline uint64_t vmm_kit_muldiv(uint64_t value, uint64_t multiplier, uint64_t divisor)
{
	return (uint64_t)((unsigned __int128)value * multiplier / divisor);
}

#define VMM_KIT_COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

#endif
