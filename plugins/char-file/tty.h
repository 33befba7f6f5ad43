/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A host's serial port behind a line of the guest's.
 */
#ifndef TTY_H
#define TTY_H

#include <stdint.h>
#include <termios.h>

struct tty {
	int32_t fd;       /* -1: the file is no terminal */
	uint32_t signals; /* it has modem lines */
	struct termios saved;
};

/* Make it raw, if it is a terminal; remembers how it was. */
void tty_open(struct tty *tty, int32_t fd);
/* Back to how it was, once what was written has gone out (which is given `milliseconds`). */
void tty_close(struct tty *tty, int32_t milliseconds);
/* As VMM_CHAR_SPEED has it; -1: this port cannot. */
int32_t tty_set_speed(struct tty *tty, uint64_t value);
/* VMM_CHAR_DTR and VMM_CHAR_RTS. */
void tty_set_modem(struct tty *tty, uint64_t value);
/* VMM_CHAR_CTS and so on as they are now. */
uint64_t tty_get_modem(struct tty *tty);
void tty_set_break(struct tty *tty, uint32_t on);

#endif
