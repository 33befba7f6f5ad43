noinst_LTLIBRARIES += sdk/kit/libvmm-kit.la
sdk_kit_libvmm_kit_la_SOURCES = sdk/kit/host.c sdk/kit/fields.c sdk/kit/ring.c sdk/kit/pci.c \
	sdk/kit/port.c sdk/kit/stream.c sdk/kit/ata.c sdk/kit/medium.c sdk/kit/net_frame.c sdk/kit/net_card.c \
	sdk/kit/net_rom.c sdk/kit/rom.c \
	sdk/kit/net_queue.c sdk/kit/net_mode.c sdk/kit/net_filter.c \
	sdk/kit/msix.c sdk/kit/virtio.c sdk/kit/virtio_queue.c sdk/kit/msix.h sdk/kit/virtio.h
sdk_kit_libvmm_kit_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
vmmkitdir = $(includedir)/vmm/kit
vmmkit_HEADERS = sdk/include/vmm/kit/host.h sdk/include/vmm/kit/fields.h sdk/include/vmm/kit/ring.h \
	sdk/include/vmm/kit/pci.h sdk/include/vmm/kit/plugin.h sdk/include/vmm/kit/stream.h \
	sdk/include/vmm/kit/ata.h sdk/include/vmm/kit/medium.h sdk/include/vmm/kit/net.h \
	sdk/include/vmm/kit/rom.h sdk/include/vmm/kit/net_mode.h sdk/include/vmm/kit/virtio.h
