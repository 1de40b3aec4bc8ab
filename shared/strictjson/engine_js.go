package strictjson

// A browser downloads the program: encoding/json alone would be a tenth of it.

func decode(data []byte, v any) error     { return leanDecode(data, v) }
func encode(v any) ([]byte, error)        { return leanEncode(v) }
func unquote(text []byte) (string, error) { return leanUnquote(text) }
func compact(raw []byte) ([]byte, error)  { return leanCompact(raw) }
