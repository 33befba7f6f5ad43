# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""Boot ROMs of 64 KiB that run a loop and leave through debug-exit; they run in vmm and in QEMU alike."""
import struct


def rom(code, count):
    """`code`: 32-bit code after which the run ends, with ECX = count at its start."""
    image = bytearray(b"\x90" * 65536)
    gdt = struct.pack("<QQQ", 0, 0x00cf9b000000ffff, 0x00cf93000000ffff)
    image[0x100:0x100 + len(gdt)] = gdt
    image[0x120:0x126] = struct.pack("<HI", len(gdt) - 1, 0xf0100)
    start = bytes.fromhex("fa 66 2e 0f 01 16 20 01"  # cli; lgdt cs:[0x120]
                          "0f 20 c0 0c 01 0f 22 c0"  # mov eax, cr0; or al, 1; mov cr0, eax
                          "66 ea 00 02 0f 00 08 00")  # jmp 8:0xf0200
    image[0:len(start)] = start
    flat = (bytes.fromhex("66 b8 10 00 8e d8 8e c0 8e d0 bc 00 00 07 00 be 00 00 01 00") +  # segments, esp, esi
            bytes.fromhex("66 ba fb 03 b0 03 ee") +  # 8 data bits on COM1
            bytes.fromhex("b0 2e 66 ba f8 03 ee") +  # a dot there: the first sign of life
            b"\xb9" + struct.pack("<I", count) + code +
            bytes.fromhex("b0 21 66 ba f8 03 ee") +  # an exclamation mark: the end, where no port ends the run
            bytes.fromhex("31 c0 66 ba f4 00 ee eb fe"))  # out 0xf4, 0; stay
    image[0x200:0x200 + len(flat)] = flat
    image[0xfff0:0xfff5] = bytes.fromhex("ea 00 00 00 f0")  # jmp 0xf000:0
    return bytes(image)


# name: (code, instructions a round)
LOOPS = {
    "nothing": (b"", 0),
    # add eax, ecx; xor edx, eax; rol edx, 3; sub ebx, edx; dec ecx; jnz
    "registers": (bytes.fromhex("01 c8 31 c2 c1 c2 03 29 d3 49 75 f4"), 6),
    # jmp over; f: lea edx, [eax + ecx*2]; ret;  L: mov eax, [esi]; add eax, ecx; mov [esi+4], eax; call f; dec; jnz L
    "memory-and-calls": (bytes.fromhex("eb 04 8d 14 48 c3 8b 06 01 c8 89 46 04 e8 f0 ff ff ff 49 75 f1"), 8),
    # mov dx, 0x3fd; L: in al, dx; dec ecx; jnz L
    "port-reads": (bytes.fromhex("66 ba fd 03 ec 49 75 fc"), 3),
}
