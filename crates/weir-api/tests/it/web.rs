//! The embedded web app: the built one, or the page that stands in for it.

use crate::client::Weir;

#[tokio::test]
async fn the_start_page_is_html_that_browsers_ask_about_each_time() {
    let weir = Weir::start().await;
    let page = weir.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.text().to_lowercase().starts_with("<!doctype html>"), "{}", page.text());
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    let again = weir.call("GET", "/").header("if-none-match", page.header("etag").unwrap()).send().await;
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[tokio::test]
async fn a_page_of_the_web_app_is_the_start_page_and_a_missing_file_is_missing() {
    let weir = Weir::start().await;
    let start = weir.get("/").await;
    for path in ["/cost", "/traces/0af7651916cd43dd8448eb211c80319c", "/index.html"] {
        let page = weir.call("GET", path).header("accept", "text/html,*/*;q=0.8").send().await;
        assert_eq!((page.status, &page.body), (200, &start.body), "{path}");
    }
    for path in ["/assets/gone-1234.js", "/favicon.gone"] {
        weir.call("GET", path).header("accept", "text/html").send().await.refused(404, "not_found");
    }
    weir.call("GET", "/cost").header("accept", "application/json").send().await.refused(404, "not_found");
}

#[tokio::test]
async fn the_start_page_comes_compressed_to_browsers() {
    let weir = Weir::start().await;
    let page = weir.call("GET", "/").header("accept-encoding", "gzip, br").send().await;
    assert_eq!(page.header("content-encoding"), Some("gzip"));
    assert_eq!(&page.body[..2], b"\x1f\x8b");
    assert_eq!(page.header("vary"), Some("accept-encoding"));
}

#[tokio::test]
async fn what_the_start_page_refers_to_is_there() {
    let weir = Weir::start().await;
    let page = weir.get("/").await;
    let links =
        page.text().split("=\"/").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned);
    for link in links.collect::<Vec<_>>() {
        assert_eq!(weir.get(&format!("/{link}")).await.status, 200, "{link}");
    }
}

#[tokio::test]
async fn a_head_request_gets_the_headers_alone() {
    let weir = Weir::start().await;
    let (head, page) = (weir.call("HEAD", "/").send().await, weir.get("/").await);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), page.header("content-length"));
    assert_eq!(head.header("etag"), page.header("etag"));
}
