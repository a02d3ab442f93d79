"""What printed messages to the .NET extension: there, and not served."""

from durable.functions.unserved import INTERNAL, unserved

add_attrib = unserved("add_attrib", INTERNAL)
add_datetime_attrib = unserved("add_datetime_attrib", INTERNAL)
add_json_attrib = unserved("add_json_attrib", INTERNAL)
parse_timespan_attrib = unserved("parse_timespan_attrib", INTERNAL)
