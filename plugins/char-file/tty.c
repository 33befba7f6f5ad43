/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "tty.h"

#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <vmm/port-char.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void make_raw(struct termios *mode)
{
	cfmakeraw(mode);
	mode->c_iflag &= ~(tcflag_t)(IXOFF | IXANY);
	mode->c_iflag |= IGNPAR;
	/* Flow control and the modem lines are the guest's business. */
	mode->c_cflag = (mode->c_cflag & ~(tcflag_t)(CRTSCTS | HUPCL)) | CLOCAL | CREAD;
	mode->c_cc[VMIN] = 1;
	mode->c_cc[VTIME] = 0;
}

void tty_open(struct tty *tty, int32_t fd)
{
	int lines;
	tty->fd = -1;
	tty->signals = 0;
	if (tcgetattr(fd, &tty->saved) < 0)
		return;
	struct termios mode = tty->saved;
	make_raw(&mode);
	if (tcsetattr(fd, TCSANOW, &mode) < 0)
		return;
	tty->fd = fd;
	tty->signals = ioctl(fd, TIOCMGET, &lines) == 0;
}

void tty_close(struct tty *tty, int32_t milliseconds)
{
	const struct timespec nap = { .tv_nsec = 5000000 };
	int waiting;
	if (tty->fd < 0)
		return;
	for (; milliseconds > 0 && ioctl(tty->fd, TIOCOUTQ, &waiting) == 0 && waiting > 0; milliseconds -= 5)
		nanosleep(&nap, NULL);
	tcsetattr(tty->fd, TCSANOW, &tty->saved);
	tty->fd = -1;
}

/* The nearest speed that has a name, within the 3% that a receiver bears; B0 if there is none. */
static speed_t named_speed(uint32_t bits)
{
	static const struct {
		uint32_t bits;
		speed_t name;
	} speeds[] = { { 50, B50 }, { 75, B75 }, { 110, B110 }, { 134, B134 }, { 150, B150 }, { 200, B200 },
		{ 300, B300 }, { 600, B600 }, { 1200, B1200 }, { 1800, B1800 }, { 2400, B2400 }, { 4800, B4800 },
		{ 9600, B9600 }, { 19200, B19200 }, { 38400, B38400 }, { 57600, B57600 }, { 115200, B115200 },
		{ 230400, B230400 }, { 460800, B460800 }, { 921600, B921600 } };
	for (size_t i = 0; i < COUNT(speeds); i++) {
		uint32_t away = bits > speeds[i].bits ? bits - speeds[i].bits : speeds[i].bits - bits;
		if ((uint64_t)away * 100 <= (uint64_t)speeds[i].bits * 3)
			return speeds[i].name;
	}
	return B0;
}

int32_t tty_set_speed(struct tty *tty, uint64_t value)
{
	static const tcflag_t sizes[] = { CS5, CS6, CS7, CS8 };
	uint32_t frame = (uint32_t)(value >> 32);
	uint32_t data = frame & 15;
	uint32_t parity = frame >> 6 & 7;
	speed_t speed = named_speed((uint32_t)value);
	struct termios mode;
	if (tty->fd < 0)
		return 0;
	if (speed == B0 || data < 5 || data > 8 || tcgetattr(tty->fd, &mode) < 0)
		return -1;
	mode.c_cflag &= ~(tcflag_t)(CSIZE | CSTOPB | PARENB | PARODD | CMSPAR);
	mode.c_cflag |= sizes[data - 5];
	if ((frame >> 4 & 3) == 2)
		mode.c_cflag |= CSTOPB;
	if (parity != 0)
		mode.c_cflag |= PARENB;
	if (parity == 1 || parity == 3)
		mode.c_cflag |= PARODD;
	if (parity >= 3)
		mode.c_cflag |= CMSPAR;
	cfsetispeed(&mode, speed);
	cfsetospeed(&mode, speed);
	return tcsetattr(tty->fd, TCSANOW, &mode);
}

void tty_set_modem(struct tty *tty, uint64_t value)
{
	int on = ((value & VMM_CHAR_DTR) != 0 ? TIOCM_DTR : 0) | ((value & VMM_CHAR_RTS) != 0 ? TIOCM_RTS : 0);
	int off = (TIOCM_DTR | TIOCM_RTS) & ~on;
	if (!tty->signals)
		return;
	ioctl(tty->fd, TIOCMBIC, &off);
	ioctl(tty->fd, TIOCMBIS, &on);
}

uint64_t tty_get_modem(struct tty *tty)
{
	int lines = 0;
	if (!tty->signals || ioctl(tty->fd, TIOCMGET, &lines) < 0)
		return VMM_CHAR_CTS | VMM_CHAR_DSR | VMM_CHAR_DCD;
	return ((lines & TIOCM_CTS) != 0 ? VMM_CHAR_CTS : 0u) | ((lines & TIOCM_DSR) != 0 ? VMM_CHAR_DSR : 0u) |
		((lines & TIOCM_RI) != 0 ? VMM_CHAR_RI : 0u) | ((lines & TIOCM_CD) != 0 ? VMM_CHAR_DCD : 0u);
}

void tty_set_break(struct tty *tty, uint32_t on)
{
	if (tty->fd >= 0)
		ioctl(tty->fd, on ? TIOCSBRK : TIOCCBRK);
}
