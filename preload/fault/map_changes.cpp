#include "fault/map_changes.h"

namespace faultline {

void mapping_made(const NewMapping& mapping) {
  const int type = mapping.flags & MAP_TYPE;
  if ((type == MAP_SHARED || type == MAP_SHARED_VALIDATE) && (mapping.flags & MAP_ANONYMOUS) == 0)
    storm_sees_mapping(mapping.start, mapping.fd);
}

}  // namespace faultline
