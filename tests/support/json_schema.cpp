#include "json_schema.h"

#include <rapidjson/document.h>
#include <rapidjson/schema.h>
#include <rapidjson/stringbuffer.h>

#include <stdexcept>

namespace faultline {
namespace {

rapidjson::Document parse(const std::string& text, const char* what) {
  rapidjson::Document document;
  document.Parse(text.data(), text.size());
  if (document.HasParseError()) throw std::runtime_error(std::string(what) + " is not JSON");
  return document;
}

std::string written(const rapidjson::Pointer& pointer) {
  rapidjson::StringBuffer text;
  pointer.StringifyUriFragment(text);
  return text.GetString();
}

}  // namespace

struct JsonSchema::Compiled {
  rapidjson::Document text;
  rapidjson::SchemaDocument schema;
};

JsonSchema::JsonSchema(const std::string& text) {
  rapidjson::Document document = parse(text, "the schema");
  rapidjson::SchemaDocument schema(document);
  compiled_.reset(new Compiled{std::move(document), std::move(schema)});
}

JsonSchema::~JsonSchema() = default;

std::string JsonSchema::errors(const std::string& document) const {
  rapidjson::SchemaValidator validator(compiled_->schema);
  if (parse(document, "the document").Accept(validator)) return "";
  return written(validator.GetInvalidDocumentPointer()) + ": '" + validator.GetInvalidSchemaKeyword() +
         "' of the schema's " + written(validator.GetInvalidSchemaPointer());
}

}  // namespace faultline
