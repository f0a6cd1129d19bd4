import CLibCurl

/// Sets options of one easy handle and remembers whether libcurl accepted them all.
struct CurlOptions {
    let handle: UnsafeMutableRawPointer
    private(set) var areAccepted = true

    init(handle: UnsafeMutableRawPointer) {
        self.handle = handle
    }

    mutating func refuse() {
        areAccepted = false
    }

    mutating func set(_ option: CURLoption, _ value: Int) {
        note(anb_curl_set_long(handle, option, value))
    }

    mutating func set(_ option: CURLoption, offset value: Int64) {
        note(anb_curl_set_off(handle, option, curl_off_t(value)))
    }

    /// libcurl keeps a copy.
    mutating func set(_ option: CURLoption, _ value: String) {
        note(anb_curl_set_string(handle, option, value))
    }

    /// libcurl keeps the pointer.
    mutating func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) {
        note(anb_curl_set_pointer(handle, option, value))
    }

    /// libcurl keeps the list.
    mutating func set(_ option: CURLoption, _ value: UnsafeMutablePointer<curl_slist>?) {
        note(anb_curl_set_list(handle, option, value))
    }

    mutating func set(_ option: CURLoption, _ value: anb_curl_data_callback) {
        note(anb_curl_set_data_callback(handle, option, value))
    }

    mutating func setSeek(_ value: anb_curl_seek_callback) {
        note(anb_curl_set_seek_callback(handle, value))
    }

    private mutating func note(_ code: CURLcode) {
        if code != CURLE_OK { areAccepted = false }
    }
}
