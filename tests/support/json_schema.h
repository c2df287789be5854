// A JSON Schema (draft 4) that documents are held to.
#pragma once

#include <memory>
#include <string>

namespace faultline {

class JsonSchema {
 public:
  // Throws std::runtime_error where `text` is not JSON.
  explicit JsonSchema(const std::string& text);
  ~JsonSchema();

  // What is wrong with the document, with the place in it and in the schema; "" where it is valid.
  std::string errors(const std::string& document) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace faultline
