/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A VGA (IBM PS/2 Video Subsystem Technical Reference, 1992) on a PCI function, with the DISPI registers of the Bochs
 * VBE interface for modes beyond it.
 *
 * Video memory is four planes of bytes.  Byte `offset` of plane `plane` lies at offset * 4 + plane of VRAM, so that the
 * four bytes which the CRT controller fetches at a time are neighbours, and chain-4 memory is linear.
 */
#ifndef VGA_H
#define VGA_H

#include <vmm/event.h>
#include <vmm/io.h>
#include <vmm/kit/pci.h>
#include <vmm/kit/plugin.h>
#include <vmm/memory.h>
#include <vmm/port-display.h>
#include <vmm/timer.h>

#define LEGACY_BYTES  (UINT32_C(256) << 10) /* what a VGA's own CRT controller can show: four planes of 64 KiB */
#define PAGE          UINT32_C(4096)
#define LEGACY_PAGES  (LEGACY_BYTES / PAGE)
#define WINDOW        UINT64_C(0xa0000)
#define WINDOW_LENGTH UINT64_C(0x20000)
#define BANK_LENGTH   UINT64_C(0x10000)
#define VIEWERS       17

#define PCI_VENDOR 0x1234
#define PCI_DEVICE 0x1111

/* DISPI registers. */
enum {
	DISPI_ID,
	DISPI_XRES,
	DISPI_YRES,
	DISPI_BPP,
	DISPI_ENABLE,
	DISPI_BANK,
	DISPI_VIRT_WIDTH,
	DISPI_VIRT_HEIGHT,
	DISPI_X_OFFSET,
	DISPI_Y_OFFSET,
	DISPI_MEMORY_64K,
	DISPI_COUNT
};
#define DISPI_ENABLED  0x01
#define DISPI_GETCAPS  0x02
#define DISPI_8BIT_DAC 0x20
#define DISPI_LFB      0x40
#define DISPI_NOCLEAR  0x80
#define DISPI_ID_FIRST 0xb0c0
#define DISPI_ID_LAST  0xb0c5
#define DISPI_XRES_MAX 16000
#define DISPI_YRES_MAX 12000
#define ENDIAN_LITTLE  UINT32_C(0x1e1e1e1e)
#define ENDIAN_BIG     UINT32_C(0xbebebebe)

#define CRTC_COUNT      25
#define SEQUENCER_COUNT 5
#define GRAPHICS_COUNT  9
#define ATTRIBUTE_COUNT 21

struct vga;

/* How the picture is made, by the registers as they are. */
enum kind { KIND_TEXT, KIND_PLANAR, KIND_CGA, KIND_PACKED, KIND_LINEAR };

struct mode {
	enum kind kind;
	uint32_t blank;         /* no picture is sent */
	uint32_t width, height; /* in pixels */
	uint32_t columns, rows; /* of characters; 0 in graphics modes */
	uint32_t clocks;        /* character clocks a line */
	uint32_t dots;          /* of a character clock, 8 or 9 */
	uint32_t wide;          /* each dot is shown twice */
	uint32_t bpp, pitch;    /* linear: bits a pixel (15 too), bytes a line */
	uint32_t start;         /* linear: where the picture starts in VRAM; may lie beyond it: wraps */
};

/* One who looks at the picture. */
struct viewer {
	struct vga *vga;
	const struct vmm_display_lower *peer;
	void *peer_self;
	uint32_t link; /* its id */
	uint32_t attached;
	uint32_t serial;     /* of the mode that its last info told */
	uint32_t generation; /* of what it saw last */
	uint32_t full;       /* it has seen nothing yet */
	uint64_t *dirty;     /* pages of VRAM that were written since it looked */
	uint32_t *cells;     /* text: what it saw last */
	uint32_t cell_count;
	uint8_t *font; /* text: plane 2 as it saw it last, 64 KiB */
};

struct vga {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	const struct vmm_region_service *region;
	const struct vmm_timer_service *timer;
	const struct vmm_event_service *event;
	struct vmm_pci pci;
	vmm_handle claims[6];
	vmm_handle vram, registers, rom, window, bank; /* regions; bank: the linear view of the window, 0: none */
	uint32_t window_mapped;
	uint32_t bank_at; /* which bank the linear view shows */
	uint32_t memory;  /* bytes of VRAM, a power of 2 */

	/* General registers. */
	uint8_t misc, feature, enable;
	/* Sequencer, CRT controller, graphics controller, attribute controller. */
	uint8_t sr_index, cr_index, gr_index, ar_index;
	uint8_t sr[SEQUENCER_COUNT], cr[CRTC_COUNT], gr[GRAPHICS_COUNT], ar[ATTRIBUTE_COUNT];
	uint8_t ar_data; /* flip-flop: the next write goes to the register, not to the index */
	uint8_t latch[4];
	/* DAC. */
	uint8_t dac_mask, dac_state, dac_read, dac_write, dac_phase;
	uint8_t dac_cache[3];
	uint8_t dac[768];
	/* DISPI. */
	uint16_t dispi_index;
	uint16_t dispi[DISPI_COUNT];
	uint32_t endian_big;

	/* The picture, and who looks at it; none of it is saved. */
	uint32_t generation; /* another after each write to what shapes the whole picture */
	uint32_t serial;     /* of the mode */
	uint32_t watched;    /* a look at the mode has been deferred */
	struct mode mode;    /* as it was announced */
	struct viewer *viewers[VIEWERS];
	uint8_t *shadow;       /* a copy of the first 256 KiB of VRAM, */
	uint32_t shadow_stale; /* which must be read afresh */
	uint64_t *fetched;     /* room for dirty bits */
	uint32_t words;        /* how many there are, and in each viewer's `dirty` */
	uint8_t *line;         /* room for a line of a linear mode */
	uint32_t colours_of;   /* the generation that `colours` and `palette` belong to */
	uint32_t colours[256]; /* of the DAC, 0x00RRGGBB, pixel mask applied */
	uint32_t palette[16];  /* of the attribute controller */
};

/* ports.c: registers at 3B4 to 3DA. */
int32_t ports_init(struct vga *vga);
void ports_reset(struct vga *vga);
void ports_decode(struct vga *vga, uint32_t enabled);
uint8_t ports_read(struct vga *vga, uint32_t port);
void ports_write(struct vga *vga, uint32_t port, uint8_t value);
/* Something changed that shapes the picture. */
void picture_changed(struct vga *vga);

/* dispi.c */
extern const struct vmm_io_ops dispi_ops;
extern const struct vmm_region_ops registers_ops;
void dispi_reset(struct vga *vga);
void dispi_fix(struct vga *vga);
uint32_t dispi_pitch(const struct vga *vga);
/* Is a mode set in which memory is linear? */
static inline uint32_t dispi_linear(const struct vga *vga)
{
	return (vga->dispi[DISPI_ENABLE] & DISPI_ENABLED) != 0 && vga->dispi[DISPI_BPP] != 4;
}
static inline uint32_t dispi_planar(const struct vga *vga)
{
	return (vga->dispi[DISPI_ENABLE] & DISPI_ENABLED) != 0 && vga->dispi[DISPI_BPP] == 4;
}

/* memory.c: the window at A0000. */
int32_t window_init(struct vga *vga);
void window_update(struct vga *vga);
void window_free(struct vga *vga);

/* mode.c: what the registers mean. */
void mode_get(const struct vga *vga, struct mode *mode);
void mode_colours(struct vga *vga);
uint8_t status_1(struct vga *vga); /* input status 1, but for the flip-flop */
uint64_t frame_count(struct vga *vga);
uint32_t line_compare(const struct vga *vga);

/* The CRT controller's address counters on their way down the screen. */
struct scan {
	uint32_t ma;   /* of the line's first character clock, before translation */
	uint32_t row;  /* row scan counter */
	uint32_t pan;  /* dots */
	uint32_t line; /* of the vertical counter */
	uint32_t half; /* of a doubled line */
	uint32_t y;
};
void scan_begin(const struct vga *vga, struct scan *scan);
void scan_next(const struct vga *vga, struct scan *scan);
/* Where in a plane the CRT controller looks for counter `ma`. */
uint32_t scan_address(const struct vga *vga, uint32_t ma, uint32_t row);
/* Counter at character clock `clock` of a line. */
uint32_t scan_clock(const struct vga *vga, uint32_t ma, uint32_t clock);

/* text.c, graphics.c: draw what `viewer` has not seen; `changed` grows around it. */
struct canvas {
	uint32_t *pixels;
	uint64_t stride; /* in pixels */
	uint32_t full;
	struct vmm_display_rect *changed;
};
void canvas_changed(const struct canvas *canvas, uint32_t x, uint32_t y, uint32_t width, uint32_t height);
int32_t text_draw(struct vga *vga, struct viewer *viewer, const struct mode *mode, const struct canvas *canvas);
int32_t text_cells(struct vga *vga, const struct mode *mode, uint16_t *cells, uint32_t count);
void graphics_draw(struct vga *vga, struct viewer *viewer, const struct mode *mode, const struct canvas *canvas);
void linear_draw(struct vga *vga, struct viewer *viewer, const struct mode *mode, const struct canvas *canvas);

/* display.c: the port. */
int32_t display_init(struct vga *vga);
void display_free(struct vga *vga);
void display_get_port(struct vga *vga, struct vmm_port_side *side);

/* rom.c */
int32_t rom_load(struct vga *vga);

#endif
