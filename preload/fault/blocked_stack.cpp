#include "fault/blocked_stack.h"

#include <dlfcn.h>
#include <libunwind.h>
#include <sys/uio.h>

#include <cstring>

#include "raw_syscall.h"
#include "record/modules.h"
#include "record/stacks.h"
#include "record/unwinder.h"
#include "sys/arena.h"
#include "sys/own_memory.h"

// Exported by libunwind-x86_64 for tools such as perf; no header declares it.
extern "C" int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t, unw_word_t, unw_dyn_info_t*,
                                                  unw_proc_info_t*, int, void*);

namespace faultline {
namespace {

// libunwind's generic entry points, by dlsym: nothing of ours links against it.
struct Unwinder {
  decltype(&unw_create_addr_space) create_addr_space;
  decltype(&unw_init_remote) init_remote;
  decltype(&unw_step) step;
  decltype(&unw_get_reg) get_reg;
  decltype(&unw_is_signal_frame) is_signal_frame;
  decltype(&UNW_OBJ(dwarf_search_unwind_table)) search_unwind_table;
  unw_addr_space_t space;
};
constinit Unwinder unwinder{};
constinit std::atomic<bool> ready{false};

constexpr std::size_t kCopiedBytes = 64 << 10;

// One walk: the registers it starts from, the copy of the stack from the stack pointer up, and of the
// modules' memory what was last looked at.
struct Walk {
  static constexpr std::size_t kBlock = 256;

  const UserRegisters* registers;
  std::uint64_t start;
  std::size_t size;
  const char* copy;
  std::uint64_t block_start = 0;
  std::size_t block_size = 0;
  char block[kBlock] = {};
};

// Code and unwind tables of a loaded object. It may be unloaded at this moment, as the thread may have left
// it since, and its range may have holes: so the kernel is asked for them.
bool read_module(Walk& walk, const ModuleRange& module, std::uint64_t address, void* to, std::size_t size) {
  if (address < module.start || size > module.end - module.start || address > module.end - size) return false;
  if (address < walk.block_start || address + size > walk.block_start + walk.block_size) {
    constexpr std::uint64_t kPage = 4096;
    // Within the page, unless what is wanted is not.
    const std::uint64_t left = kPage - address % kPage;
    walk.block_start = address;
    walk.block_size = left < size ? size : left < Walk::kBlock ? left : Walk::kBlock;
    if (walk.block_size > module.end - address) walk.block_size = module.end - address;
    if (!sys::copy_argument(walk.block, reinterpret_cast<const void*>(address), walk.block_size)) {
      walk.block_size = 0;
      return false;
    }
  }
  std::memcpy(to, walk.block + (address - walk.block_start), size);
  return true;
}

int access_memory(unw_addr_space_t, unw_word_t address, unw_word_t* value, int write, void* argument) {
  auto& walk = *static_cast<Walk*>(argument);
  if (write != 0) return -UNW_EINVAL;
  if (address >= walk.start && address - walk.start + sizeof *value <= walk.size) {
    std::memcpy(value, walk.copy + (address - walk.start), sizeof *value);
    return 0;
  }
  ModuleRange module;
  return find_module(address, module) && read_module(walk, module, address, value, sizeof *value)
             ? 0
             : -UNW_EINVAL;
}

int access_register(unw_addr_space_t, unw_regnum_t number, unw_word_t* value, int write, void* argument) {
  const UserRegisters& registers = *static_cast<const Walk*>(argument)->registers;
  if (write != 0) return -UNW_EREADONLYREG;
  switch (number) {
    case UNW_X86_64_RBX:
      *value = registers.bx;
      return 0;
    case UNW_X86_64_RBP:
      *value = registers.bp;
      return 0;
    case UNW_X86_64_RSP:
      *value = registers.sp;
      return 0;
    case UNW_X86_64_RIP:
      *value = registers.ip;
      return 0;
    default:
      return -UNW_EBADREG;
  }
}

// The start of .eh_frame_hdr (Linux Standard Base, "DWARF Extensions"): we support the one encoding linkers
// produce.
struct UnwindTableHeader {
  unsigned char version, frame_pointer_encoding, count_encoding, table_encoding;
  std::int32_t frame_pointer;
  std::uint32_t count;
};
constexpr unsigned char kPcRelative4 = 0x1b, kUnsigned4 = 0x03, kTableRelative4 = 0x3b;

int find_unwind_info(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t* info, int need_info,
                     void* argument) {
  ModuleRange module;
  if (!find_module(ip, module) || module.unwind_table == 0) return -UNW_ENOINFO;
  UnwindTableHeader header;
  auto& walk = *static_cast<Walk*>(argument);
  if (!read_module(walk, module, module.unwind_table, &header, sizeof header) || header.version != 1 ||
      header.frame_pointer_encoding != kPcRelative4 || header.count_encoding != kUnsigned4 ||
      header.table_encoding != kTableRelative4)
    return -UNW_ENOINFO;
  unw_dyn_info_t table{};
  table.format = UNW_INFO_FORMAT_REMOTE_TABLE;
  table.start_ip = module.start;
  table.end_ip = module.end;
  table.u.rti.segbase = module.unwind_table;
  table.u.rti.table_data = module.unwind_table + sizeof header;
  table.u.rti.table_len = header.count * 8 / sizeof(unw_word_t);
  return unwinder.search_unwind_table(space, ip, &table, info, need_info, argument);
}

void put_unwind_info(unw_addr_space_t, unw_proc_info_t*, void*) {}
int no_dynamic_info(unw_addr_space_t, unw_word_t*, void*) {
  return -UNW_ENOINFO;
}
int no_float_register(unw_addr_space_t, unw_regnum_t, unw_fpreg_t*, int, void*) {
  return -UNW_EBADREG;
}
int no_resume(unw_addr_space_t, unw_cursor_t*, void*) {
  return -UNW_EINVAL;
}
int no_name(unw_addr_space_t, unw_word_t, char*, std::size_t, unw_word_t*, void*) {
  return -UNW_ENOINFO;
}

unw_accessors_t accessors{.find_proc_info = find_unwind_info,
                          .put_unwind_info = put_unwind_info,
                          .get_dyn_info_list_addr = no_dynamic_info,
                          .access_mem = access_memory,
                          .access_reg = access_register,
                          .access_fpreg = no_float_register,
                          .resume = no_resume,
                          .get_proc_name = no_name};

template <class Fn>
bool find(void* library, const char* name, Fn& function) {
  function = reinterpret_cast<Fn>(dlsym(library, name));
  return function != nullptr;
}

}  // namespace

void load_blocked_stack_unwinder() {
  static constinit std::atomic<bool> tried{false};
  if (tried.exchange(true)) return;
  void* library = dlopen("libunwind-x86_64.so.8", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return;
  Unwinder& u = unwinder;
  if (!find(library, "_Ux86_64_create_addr_space", u.create_addr_space) ||
      !find(library, "_Ux86_64_init_remote", u.init_remote) || !find(library, "_Ux86_64_step", u.step) ||
      !find(library, "_Ux86_64_get_reg", u.get_reg) ||
      !find(library, "_Ux86_64_is_signal_frame", u.is_signal_frame) ||
      !find(library, "_Ux86_64_dwarf_search_unwind_table", u.search_unwind_table))
    return;
  claim_unwinder(reinterpret_cast<const void*>(u.step));
  u.space = u.create_addr_space(&accessors, 0);
  ready.store(u.space != nullptr, std::memory_order_release);
}

namespace {

std::size_t walk_copy(Walk& walk, std::uintptr_t* frames, std::size_t capacity) {
  if (!ready.load(std::memory_order_acquire) || walk.size == 0 || !begin_walk()) return 0;
  std::size_t count = 0;
  unw_cursor_t cursor;
  if (unwinder.init_remote(&cursor, unwinder.space, &walk) == 0) {
    bool exact =
        true;  // the innermost frame, and one that a signal interrupted, stand at their own instruction
    do {
      unw_word_t ip = 0;
      if (unwinder.get_reg(&cursor, UNW_REG_IP, &ip) != 0 || ip == 0) break;
      frames[count++] = exact ? ip : ip - 1;
      exact = unwinder.is_signal_frame(&cursor) > 0;
    } while (count < capacity && unwinder.step(&cursor) > 0);
  }
  finish_walk();
  return count;
}

}  // namespace

std::size_t walk_stack_piece(const ThreadState& caller, const UserRegisters& registers, const void* piece,
                             std::size_t size, std::uintptr_t* frames, std::size_t capacity) {
  Walk walk{
      .registers = &registers, .start = registers.sp, .size = size, .copy = static_cast<const char*>(piece)};
  if (!has_room_to_walk(caller, reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)))) return 0;
  return walk_copy(walk, frames, capacity);
}

std::size_t walk_blocked_stack(const UserRegisters& registers, std::uintptr_t* frames, std::size_t capacity) {
  if (!ready.load(std::memory_order_acquire)) return 0;
  auto* copy = static_cast<char*>(map_pages(kCopiedBytes));
  if (copy == nullptr) return 0;
  iovec to{copy, kCopiedBytes};
  // Page by page: the stack may end within, and the kernel stops at the first page it cannot read.
  iovec from[kCopiedBytes / 4096];
  std::uint64_t at = registers.sp;
  for (iovec& piece : from) {
    piece = {reinterpret_cast<void*>(at), 4096 - at % 4096};
    at += piece.iov_len;
  }
  const long copied = sys::call(SYS_process_vm_readv, sys::call(SYS_gettid), sys::as_long(&to), 1,
                                sys::as_long(from), sizeof from / sizeof *from, 0);
  Walk walk{.registers = &registers,
            .start = registers.sp,
            .size = copied > 0 ? static_cast<std::size_t>(copied) : 0,
            .copy = copy};
  const std::size_t count = walk_copy(walk, frames, capacity);
  unmap_pages(copy, kCopiedBytes);
  return count;
}

}  // namespace faultline
