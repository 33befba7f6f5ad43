if PLUGIN_CHIPSET_I440
plugin_LTLIBRARIES += plugins/chipset-i440/chipset-i440.la
plugins_chipset_i440_chipset_i440_la_SOURCES = \
	plugins/chipset-i440/bus.c \
	plugins/chipset-i440/chipset.c \
	plugins/chipset-i440/config.c \
	plugins/chipset-i440/coprocessor.c \
	plugins/chipset-i440/dma.c \
	plugins/chipset-i440/isa.c \
	plugins/chipset-i440/pam.c \
	plugins/chipset-i440/power.c \
	plugins/chipset-i440/smi.c \
	plugins/chipset-i440/chipset.h
plugins_chipset_i440_chipset_i440_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_chipset_i440_chipset_i440_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_chipset_i440_chipset_i440_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/chipset-i440/vmm-chipset-i440.7
endif
