import Nodes
import Testing

@Suite("Multipart headers")
struct MultipartHeadersTests {
    private func headers(_ disposition: String) throws -> MultipartPartHeaders {
        let message = "--b\r\nContent-Disposition: form-data; \(disposition)\r\n\r\n\r\n--b--"
        return try #require(try MultipartTranscript.parse(message).parts.first).headers
    }

    @Test(
        "file names are read in the forms that browsers and libraries send",
        arguments: [
            (#"name=f; filename=plain.mp4"#, "plain.mp4"),
            (#"name="f"; filename="a b.mp4""#, "a b.mp4"),
            (#"name="f";filename="a;b=c.mp4""#, "a;b=c.mp4"),
            (#"name="f"; filename="say \"hi\".mp4""#, #"say "hi".mp4"#),
            (#"name="f"; filename="say %22hi%22.mp4""#, #"say "hi".mp4"#),
            (#"name="f"; filename="100%25.mp4""#, "100%25.mp4"),
            (#"name="f"; filename="a%0D%0Ab.mp4""#, "a\r\nb.mp4"),
            (#"name="f"; filename="C:\clips\dunk.mp4""#, #"C:\clips\dunk.mp4"#),
            (#"name="f"; filename="back\\slash.mp4""#, #"back\slash.mp4"#),
            (#"name="f"; filename="ends with\""#, #"ends with\"#),
            (#"name="f"; filename="niño.mp4""#, "niño.mp4"),
            (#"name="f"; filename="""#, ""),
            (#"name="f"; filename="n.mp4"; filename*=UTF-8''ni%C3%B1o.mp4"#, "niño.mp4"),
            (#"name="f"; filename*=utf-8'es'ni%c3%b1o.mp4; filename="n.mp4""#, "niño.mp4"),
            (#"name="f"; filename="n.mp4"; filename*=UTF-8''%FF"#, "n.mp4"),
            (#"name="f"; filename="n.mp4"; filename*=nonsense"#, "n.mp4"),
            (#"NAME="f"; FileName="x"; "#, "x"),
        ]
    )
    func filenames(disposition: String, filename: String) throws {
        let headers = try headers(disposition)
        #expect(headers.name == "f")
        #expect(headers.filename == filename)
    }

    @Test("a plain field has no file name")
    func plainField() throws {
        #expect(try headers(#"name="título""#).filename == nil)
        #expect(try headers(#"name="título""#).name == "título")
    }

    @Test(
        "the boundary is read from the Content-Type",
        arguments: [
            ("multipart/form-data; boundary=----WebKitFormBoundaryAbC1", "----WebKitFormBoundaryAbC1"),
            (#"Multipart/Form-Data; charset=utf-8; Boundary="a b:c""#, "a b:c"),
            ("multipart/form-data;boundary=x ; charset=utf-8", "x"),
        ]
    )
    func boundaries(contentType: String, boundary: String) throws {
        #expect(try MultipartBoundary(contentType: contentType).text == boundary)
    }

    @Test(
        "a Content-Type without a usable boundary is refused",
        arguments: [
            "", "multipart/form-data", "multipart/mixed; boundary=x", "multipart/form-data; boundary=",
            #"multipart/form-data; boundary="x "#, #"multipart/form-data; boundary="x ""#,
            "multipart/form-data; boundary=a; boundary=b", "multipart/form-data; boundary=a\u{e9}",
            "multipart/form-data; boundary=" + String(repeating: "x", count: 71),
        ]
    )
    func refusedBoundaries(contentType: String) {
        #expect(throws: MultipartError.invalidContentType) { try MultipartBoundary(contentType: contentType) }
    }

    @Test("a boundary of 70 characters is accepted")
    func longestBoundary() throws {
        let text = String(repeating: "x", count: 70)
        #expect(try MultipartBoundary(contentType: "multipart/form-data; boundary=\(text)").text == text)
    }
}
