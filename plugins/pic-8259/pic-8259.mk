if PLUGIN_PIC_8259
plugin_LTLIBRARIES += plugins/pic-8259/pic-8259.la
plugins_pic_8259_pic_8259_la_SOURCES = \
	plugins/pic-8259/pair.c \
	plugins/pic-8259/pic.c \
	plugins/pic-8259/pic.h
plugins_pic_8259_pic_8259_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_pic_8259_pic_8259_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_pic_8259_pic_8259_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/pic-8259/vmm-pic-8259.7
endif
