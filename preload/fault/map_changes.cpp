#include "fault/map_changes.h"

#include "fault/fuse_calls.h"

namespace faultline {

void mapping_made(const NewMapping& mapping) {
  if ((mapping.flags & MAP_ANONYMOUS) != 0) return;
  if (any_fuse_mount()) file_mapped(mapping.start, mapping.length, mapping.fd);
  const int type = mapping.flags & MAP_TYPE;
  if (is_storming() && (type == MAP_SHARED || type == MAP_SHARED_VALIDATE))
    storm_sees_mapping(mapping.start, mapping.fd);
}

}  // namespace faultline
